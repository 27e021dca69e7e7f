"""`reverie sample`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import tyro

from reverie.cli.image_command import ImageCommand
from reverie.cli.places import refuse_no_class
from reverie.core.files import path_of
from reverie.core.image_formats import refuse_no_format
from reverie.core.options import options_of
from reverie.inference.options import SampleOptions

if TYPE_CHECKING:
    from reverie.inference.sample import SampleResult


@dataclass(frozen=True, kw_only=True)
class SampleCommand(SampleOptions, ImageCommand):
    """Sample images from noise; image i depends on seed + i alone."""

    needs: ClassVar = ("sample",)
    usage: ClassVar = "MODEL -n 16 --out IMAGES"
    model: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="MODEL")]
    """A run, a model folder, or hf:user/name on the Hugging Face hub."""
    out: Path = Path("samples")
    """A folder for files and a sheet, one image file for the sheet alone, or an .npz or .npy
    file. Where it is not given and samples/ is there, samples-2 and so on."""

    def run(self) -> "SampleResult":
        if self.out.suffix not in ("", ".npz", ".npy"):
            refuse_no_format(self.out.suffix)
        out = path_of(self.out)
        self.refuse_replacing(self.names_in(out))
        refuse_no_class(self.model, self.label)
        from reverie.inference.load import load
        from reverie.inference.sample import sample_files

        return sample_files(load(self.model), out, options_of(SampleOptions, self))
