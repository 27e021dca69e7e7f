"""`reverie edit`, `reverie interpolate` and `reverie reconstruct`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import tyro

from reverie.cli.image_command import ImageCommand
from reverie.cli.places import refuse_no_images, refuse_unknown_data
from reverie.core.errors import UserError
from reverie.core.files import path_of
from reverie.core.image_formats import refuse_no_format
from reverie.core.options import options_of
from reverie.inference.options import EditOptions, InterpolateOptions, ReconstructOptions

if TYPE_CHECKING:
    from reverie.inference.latent.files import (
        EditResult,
        InterpolateResult,
        ReconstructResult,
    )


@dataclass(frozen=True, kw_only=True)
class EditCommand(EditOptions, ImageCommand):
    """Edit in latent space: arithmetic on named groups, or attributes added to an image."""

    needs: ClassVar = ("sample", "reconstruct")
    usage: ClassVar = 'MODEL "SUM" --out sum.png'
    model: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="MODEL")]
    """A vae, or a dcgan, gan or cgan for which an encoder was trained."""
    expression: Annotated[
        tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar='"SUM"')
    ] = ()
    """Groups added and subtracted: "Male & Eyeglasses - Male & !Eyeglasses + !Male". Names are
    joined by & | ! and parentheses, and may be weighted: 0.5 * Smiling."""
    out: Path = Path("edited.png")
    """The sheet to write."""

    def run(self) -> "EditResult":
        if len(self.expression) > 1:
            raise UserError('give one expression in quotes, as "Male & Eyeglasses - Male + !Male".')
        expression = next(iter(self.expression), None)
        self.refuse_contradictions(expression)
        refuse_unknown_data(self.data)
        if self.image is not None:
            refuse_no_images([path_of(self.image)])
        refuse_no_format(self.out.suffix)
        self.refuse_replacing()
        from reverie import api

        return api.edit(self.model, expression, out=self.out, options=options_of(EditOptions, self))


@dataclass(frozen=True, kw_only=True)
class InterpolateCommand(InterpolateOptions, ImageCommand):
    """Interpolate from image to image through latent space."""

    needs: ClassVar = ("sample",)
    usage: ClassVar = "MODEL --seeds 1 2 3"
    model: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="MODEL")]
    """Any model that samples from noise."""
    out: Path = Path("walk.gif")
    """A .gif, a folder of frames, or a sheet of all of them."""

    def run(self) -> "InterpolateResult":
        if self.out.suffix:  # not a folder of frames
            refuse_no_format(self.out.suffix)
        self.refuse_replacing()
        from reverie import api

        options = options_of(InterpolateOptions, self)
        return api.interpolate(self.model, out=self.out, options=options)


@dataclass(frozen=True, kw_only=True)
class ReconstructCommand(ReconstructOptions, ImageCommand):
    """Reconstruct images from their latents, with the error of each."""

    needs: ClassVar = ("sample", "reconstruct")
    reads_images: ClassVar = True
    usage: ClassVar = "MODEL IMAGES"
    model: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="MODEL")]
    """A vae, or a dcgan, gan or cgan for which an encoder was trained."""
    images: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="IMAGES")]
    """Files and folders."""
    out: Path = Path("side-by-side.png")
    """The sheet to write."""

    def run(self) -> "ReconstructResult":
        refuse_no_format(self.out.suffix)
        self.refuse_replacing()
        from reverie import api

        options = options_of(ReconstructOptions, self)
        return api.reconstruct(self.model, self.images, out=self.out, options=options)
