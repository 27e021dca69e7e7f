"""Images as people hold them, for a model: Pillow's, paths, and arrays of bytes.

What is given back is of the same kind; for a path it is an image of Pillow's. The alpha channel of
an image stays, resized where the image is.
"""

from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image, ImageOps
from torch import Tensor

from reverie.core import image_io
from reverie.core.errors import UserError
from reverie.core.files import path_of
from reverie.core.image_formats import opened
from reverie.data import ImageSpec

Form = TypeVar("Form", Tensor, Image.Image, np.ndarray, list)
"""Kinds of images that are given back as they came; a list holds images of any kind."""

Convert = Callable[[Float[Tensor, "b c h w"]], Float[Tensor, "b c2 h2 w2"]]


def converted(images: object, convert: Convert) -> Any:
    """What a function of tensors in [-1, 1] makes of images, in the form in which they came.

    Args:
        images: an image of Pillow's, a path, an array uint8 [H, W], [H, W, C] or [N, H, W, C], or
            a list of these.
        convert: a function of [B, C, H, W].

    Raises:
        UserError: if they have another form.
    """
    if isinstance(images, list | tuple):
        return [converted(one, convert) for one in images]
    if isinstance(images, str | Path):
        return converted(_opened(path_of(images)), convert)
    if isinstance(images, Image.Image):
        return _of_pillow(images, convert)
    pixels = _bytes(images)
    made = image_io.to_uint8(convert(image_io.to_tensor(pixels)))
    if np.ndim(images) == 4:  # type: ignore[arg-type]
        return made
    return made[0, ..., 0] if np.ndim(images) == 2 and made.shape[-1] == 1 else made[0]  # type: ignore[arg-type]


def fitted(images: object, spec: ImageSpec) -> Float[Tensor, "n c h w"]:
    """Images in any form of `converted` as a tensor of a model's size and channels, cropped.

    Raises:
        UserError: if they have another form.
    """
    several = list(images) if isinstance(images, list | tuple) else [images]
    pixels = [one for image in several for one in _pixels(image)]
    if not pixels:
        raise UserError("there are no images: give one or more.")
    read = (image_io.with_channels(one, spec.channels) for one in pixels)
    return image_io.to_tensor(np.stack([image_io.resize(one, spec.image_size) for one in read]))


def _pixels(image: object) -> Sequence[np.ndarray]:
    if isinstance(image, str | Path):
        return [image_io.read(path_of(image))]
    if isinstance(image, BytesIO):
        return [image_io.read(image)]
    if isinstance(image, Image.Image):
        return [image_io.to_array(ImageOps.exif_transpose(image))]
    return list(_bytes(image))


def _opened(path: Path) -> Image.Image:
    with opened(path) as image:
        image.load()
        return image.copy()


def _of_pillow(image: Image.Image, convert: Convert) -> Image.Image:
    upright = ImageOps.exif_transpose(image)
    alpha = None
    if upright.has_transparency_data:
        whole = upright.convert("RGBA")
        alpha = whole.getchannel("A")
        # Straight colours, without the white that transparent pixels are read on.
        upright = whole.convert("L" if upright.mode in ("LA", "La") else "RGB")
    pixels = image_io.to_array(upright)
    made = image_io.to_uint8(convert(image_io.to_tensor(pixels[None])))[0]
    result = Image.fromarray(made[..., 0] if made.shape[-1] == 1 else made)
    if alpha is not None:
        result.putalpha(alpha.resize(result.size, Image.Resampling.BICUBIC))
    return result


def _bytes(image: object) -> np.ndarray:
    """An array as uint8 [N, H, W, C]."""
    if isinstance(image, torch.Tensor):
        raise UserError(
            "tensors are given by themselves, as [B, C, H, W] in [-1, 1], not in a list."
        )
    if not isinstance(image, np.ndarray):
        raise UserError(
            f"an image is one of Pillow's, a path, an array or a tensor, not a "
            f"{type(image).__name__}."
        )
    if image.dtype != np.uint8:
        raise UserError(
            f"an array of an image holds uint8 from 0 to 255, not {image.dtype}: convert it, or "
            "give a tensor [B, C, H, W] in [-1, 1]."
        )
    pixels = image[..., None] if image.ndim == 2 else image
    pixels = pixels[None] if pixels.ndim == 3 else pixels
    if pixels.ndim != 4 or pixels.shape[-1] not in (1, 3) or not pixels.size:
        raise UserError(
            f"an array of shape {list(image.shape)} is no image: the axes are [H, W], [H, W, C] or "
            "[N, H, W, C] with 1 or 3 channels; an image of Pillow's may have an alpha channel."
        )
    return pixels
