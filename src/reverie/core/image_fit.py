"""How an image is fitted to a size, and JPEG's own downscaling on the way there.

A JPEG is decoded at 1/2, 1/4 or 1/8 of its size for a fraction of the time. The reduced image ends
with a part of a pixel where the size is no multiple of 8; the crop therefore has the coordinates of
the whole image, divided by the scale, and need not lie on whole pixels.
"""

import math
from dataclasses import dataclass

from PIL import ExifTags, Image, ImageOps

from reverie.core.image_size import Resize, Size

ENOUGH = 1.5
"""A reduced image has at least this many pixels for each of the target, along either side: the mean
difference from decoding in full is then about half a level of 255 (`benchmarks/data.py`)."""

MIRRORED_ACROSS, MIRRORED_DOWN = (2, 3, 6, 7), (3, 4, 7, 8)
"""EXIF orientations whose upright image begins at the file's right, or bottom."""


@dataclass(frozen=True)
class Fit:
    """Size and policy that an image will be resized by, with which a JPEG is decoded faster."""

    size: Size
    policy: Resize


def centre(width: int, height: int, target: Size) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the largest centred crop of the target's aspect ratio."""
    across, down = width, height
    if width * target.height > height * target.width:
        across = max(1, round(height * target.width / target.height))
    else:
        down = max(1, round(width * target.height / target.width))
    left, top = (width - across) // 2, (height - down) // 2
    return left, top, left + across, top + down


def fitted_by_reduction(image: Image.Image, fit: Fit) -> Image.Image | None:
    """An opened JPEG, decoded at a fraction of its size, upright and resized to `fit`.

    None where it is no JPEG, is not large enough to be reduced, or `fit` keeps the images' size.
    """
    if image.format != "JPEG" or fit.policy in ("width", "none"):
        return None
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    width, height = image.size
    whole = (height, width) if orientation in (5, 6, 7, 8) else (width, height)
    box = centre(*whole, fit.size) if fit.policy == "crop" else (0, 0, *whole)
    target = _within(whole, fit.size) if fit.policy == "pad" else fit.size
    across, down = (box[2] - box[0]) / target.width, (box[3] - box[1]) / target.height
    scale = next((s for s in (8, 4, 2) if s * ENOUGH <= min(across, down)), 1)
    if scale == 1:
        return None
    image.draft(None, (image.width // scale, image.height // scale))
    image.load()
    ImageOps.exif_transpose(image, in_place=True)
    upright = image if image.mode in ("L", "RGB") else image.convert("RGB")
    # Where the upright image begins with the part of a pixel that the file ends with.
    x = upright.width - whole[0] / scale if orientation in MIRRORED_ACROSS else 0
    y = upright.height - whole[1] / scale if orientation in MIRRORED_DOWN else 0
    left, top, right, bottom = (edge / scale + (x, y)[side % 2] for side, edge in enumerate(box))
    # Cropped first, since Pillow's `resize(box=...)` also filters pixels from outside the box.
    x, y = math.floor(left), math.floor(top)
    part = upright.crop((x, y, math.ceil(right), math.ceil(bottom)))
    moved = (left - x, top - y, right - x, bottom - y)
    small = part.resize(target, Image.Resampling.BICUBIC, moved)
    return ImageOps.pad(small, fit.size, color="white") if fit.policy == "pad" else small


def _within(whole: tuple[int, int], target: Size) -> Size:
    """The largest size of the aspect ratio of `whole` that fits into the target, as Pillow's."""
    width, height = whole
    if width * target.height > height * target.width:
        return Size(target.width, max(1, round(height / width * target.width)))
    return Size(max(1, round(width / height * target.height)), target.height)
