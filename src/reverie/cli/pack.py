"""`reverie pack`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import tyro

from reverie.cli.command import Command
from reverie.core.files import path_of
from reverie.core.options import options_of
from reverie.exports.options import PackOptions

if TYPE_CHECKING:
    from reverie.exports.pack import PackResult


@dataclass(frozen=True, kw_only=True)
class PackCommand(PackOptions, Command):
    """Pack a model into one file for somebody else, with a card, samples and figures."""

    needs: ClassVar = ()
    usage: ClassVar = "MODEL --out model.zip"
    model: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="MODEL")]
    """A run or a model folder."""
    out: Path = Path("model.zip")
    """The file to write, which every command takes as a MODEL."""

    def run(self) -> "PackResult":
        self.refuse_target(path_of(self.out))
        from reverie.exports.pack import pack

        return pack(self.model, out=self.out, options=options_of(PackOptions, self))
