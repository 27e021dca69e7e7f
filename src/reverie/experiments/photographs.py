"""Photographs that no training sees: scikit-image's, public domain or CC0."""

import importlib.util

import numpy as np
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from reverie.core import image_io
from reverie.core.errors import UserError


def photograph(name: str, size: tuple[int, int] | None = None) -> Float[Tensor, "1 3 h w"]:
    """A photograph in [-1, 1].

    Args:
        name: astronaut, chelsea, coffee or rocket.
        size: width and height in pixels to which it is cropped and resized; by default its own.

    Raises:
        UserError: if scikit-image is not installed.
    """
    if importlib.util.find_spec("skimage") is None:
        raise UserError('the photographs need: pip install "reverie[reproduce]".')
    import skimage.data

    whole = Image.fromarray(getattr(skimage.data, name)())
    if size is not None:
        width, height = whole.size
        tall = min(height, round(width * size[1] / size[0]))
        whole = whole.crop((0, 0, round(tall * size[0] / size[1]), tall)).resize(size)
    return image_io.to_tensor(np.asarray(whole)[None])
