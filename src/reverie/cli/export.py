"""`reverie export`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import tyro

from reverie.cli.command import Command
from reverie.core.options import options_of
from reverie.inference.options import ExportOptions

if TYPE_CHECKING:
    from reverie.exports.files import ExportResult
    from reverie.exports.web import PageResult


@dataclass(frozen=True, kw_only=True)
class ExportCommand(ExportOptions, Command):
    """Write a model as a file for other programs, or as a web page that runs it."""

    needs: ClassVar = ()
    usage: ClassVar = "MODEL --to onnx --out model.onnx"
    model: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="MODEL")]
    """A run, a model folder, or hf:user/name on the Hugging Face hub."""
    out: Path
    """The file to write; further computations of the model get its name and their own."""

    def run(self) -> "ExportResult | PageResult":
        from reverie import api

        return api.export(self.model, out=self.out, options=options_of(ExportOptions, self))
