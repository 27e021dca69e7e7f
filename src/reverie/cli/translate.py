"""`reverie translate`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import tyro

from reverie.cli.command import Command
from reverie.core.options import options_of
from reverie.inference.options import TranslateOptions

if TYPE_CHECKING:
    from reverie.inference.translate import TranslateResult


@dataclass(frozen=True, kw_only=True)
class TranslateCommand(TranslateOptions, Command):
    """Translate images to another domain; size, proportions and metadata are kept."""

    needs: ClassVar = ("translate",)
    reads_images: ClassVar = True
    writes_folder: ClassVar = True
    usage: ClassVar = "MODEL IMAGES --out FOLDER"
    model: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="MODEL")]
    """A run, a model folder, hf:user/name on the hub, or a .pth file of the original
    CycleGAN code."""
    images: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="IMAGES")]
    """Files and folders; subfolders are mirrored."""
    out: Path = Path("translated")
    """The folder to write to."""
    reference: str | None = None
    """Network of a .pth file: resnet_6blocks, resnet_9blocks, unet_128 or unet_256."""

    def run(self) -> "TranslateResult":
        from reverie import api

        model = api.load(self.model, self.reference)
        options = options_of(TranslateOptions, self)
        return api.translate(model, self.images, out=self.out, options=options)
