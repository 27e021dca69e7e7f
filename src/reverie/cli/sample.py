"""`reverie sample`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import tyro

from reverie.cli.command import Command
from reverie.cli.parse import value_of
from reverie.cli.places import refuse_no_class
from reverie.core.files import free_folder
from reverie.core.image_formats import refuse_no_format
from reverie.core.options import options_of
from reverie.inference.options import SampleOptions

if TYPE_CHECKING:
    from reverie.inference.sample import SampleResult


@dataclass(frozen=True, kw_only=True)
class SampleCommand(SampleOptions, Command):
    """Sample images from noise; image i depends on seed + i alone."""

    needs: ClassVar = ("sample",)
    usage: ClassVar = "MODEL -n 16 --out IMAGES"
    model: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="MODEL")]
    """A run, a model folder, or hf:user/name on the Hugging Face hub."""
    out: Path = Path("samples")
    """A folder for files and a sheet, one image file for the sheet alone, or an .npz or .npy
    file. Where it is not given and samples/ is there, samples-2 and so on."""

    @classmethod
    def parse(cls, prog: str, argv: Sequence[str]) -> Command:
        """Without --out nothing is replaced: a second call writes beside the first."""
        command = super().parse(prog, argv)
        assert isinstance(command, SampleCommand)
        is_named = value_of(argv, "--out") is not None
        return command if is_named else replace(command, out=free_folder(command.out))

    def run(self) -> "SampleResult":
        if self.out.suffix not in ("", ".npz", ".npy"):
            refuse_no_format(self.out.suffix)
        refuse_no_class(self.model, self.label)
        from reverie.inference.load import load
        from reverie.inference.sample import sample_files

        return sample_files(load(self.model), self.out, options_of(SampleOptions, self))
