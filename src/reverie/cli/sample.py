"""`reverie sample`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import tyro

from reverie.cli.command import Command
from reverie.core.options import options_of
from reverie.inference.options import SampleOptions

if TYPE_CHECKING:
    from reverie.inference.sample import SampleResult


@dataclass(frozen=True, kw_only=True)
class SampleCommand(SampleOptions, Command):
    """Sample images from noise; image i depends on seed + i alone."""

    usage: ClassVar = "MODEL -n 16 --out IMAGES"
    model: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="MODEL")]
    """A run, a model folder, or hf:user/name on the Hugging Face hub."""
    out: Path = Path("samples")
    """A folder for files and a sheet, one image file for the sheet alone, or an .npz or .npy
    file."""

    def run(self) -> "SampleResult":
        from reverie.inference.load import load
        from reverie.inference.sample import sample_files

        return sample_files(load(self.model), self.out, options_of(SampleOptions, self))
