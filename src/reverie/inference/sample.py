"""What sampling begins from: pictures for diffusion models."""

from pathlib import Path

from torch import Tensor

from reverie.core import image_io
from reverie.core.errors import UserError
from reverie.inference.model import Model
from reverie.methods.diffusion.diffusion import Start


def start_from(
    model: Model, image: Path | None, strength: float = 0.6, mask: Path | None = None
) -> Start:
    """What a diffusion model begins from: a picture file, made to fit, and perhaps a mask.

    Raises:
        UserError: if a file is no picture, or the strength is not from 0 to 1.
    """
    if image is None:
        raise UserError("--mask says which part of a picture is made anew: name it with --init.")
    if not 0 <= strength <= 1:
        raise UserError(f"--strength is from 0 to 1, not {strength}.")
    spec = model.method.spec

    def fitted(path: Path, channels: int) -> Tensor:
        pixels = image_io.with_channels(image_io.read(path), channels)
        return image_io.to_tensor(image_io.resize(pixels, spec.image_size)[None])

    chosen = None if mask is None else (fitted(mask, 1) > 0).float()
    return Start(fitted(image, spec.channels), strength, chosen)
