"""`reverie upscale`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import tyro

from reverie.cli.command import Command
from reverie.cli.places import refuse_no_images, refuse_unfit_model
from reverie.core.errors import UserError
from reverie.core.files import path_of
from reverie.core.image_formats import suffix_of_format
from reverie.core.options import options_of
from reverie.inference.options import UpscaleOptions
from reverie.inference.place import default_upscaler, is_image_folder

if TYPE_CHECKING:
    from reverie.inference.upscale import UpscaleResult

NO_IMAGES = "say which images to upscale: files, or folders of them."


@dataclass(frozen=True, kw_only=True)
class UpscaleCommand(UpscaleOptions, Command):
    """Upscale images; transparency, 16-bit grayscale, rotation and metadata are kept."""

    needs: ClassVar = ("upscale",)
    writes_folder: ClassVar = True
    usage: ClassVar = "[MODEL] IMAGES --out FOLDER"
    images: Annotated[
        tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="[MODEL] IMAGES")
    ]
    """Files and folders; before them a run, a model, or a file of weights, by default photos-x4,
    or photos-x2 for a --scale of up to 2; photos-x4-large is closer to the original
    and slower, photos-x4-gan has more texture."""
    out: Path = Path("large")
    """The folder to write to; subfolders are mirrored."""

    def run(self) -> "UpscaleResult":
        model, images = split_model(self.images, self.scale)
        refuse_unfit_model(model, self.needs)
        refuse_no_images([path_of(image) for image in images], path_of(self.out))
        suffix_of_format(self.format)
        from reverie import api

        options = options_of(UpscaleOptions, self)
        return api.upscale(images, out=self.out, model=model, options=options)


def split_model(words: Sequence[str], scale: float | None = None) -> tuple[str, list[str]]:
    """The model, which is the first word or that of the package for the scale, and the images.

    Raises:
        UserError: if there are no images.
    """
    if not words:
        raise UserError(NO_IMAGES)
    from reverie.core.image_formats import HEIF_SUFFIXES, SUFFIXES

    first = path_of(words[0])
    images_first = first.suffix.lower() in SUFFIXES | HEIF_SUFFIXES or is_image_folder(first)
    model, rest = (default_upscaler(scale), words) if images_first else (words[0], words[1:])
    if not rest:
        raise UserError(NO_IMAGES)
    return model, list(rest)
