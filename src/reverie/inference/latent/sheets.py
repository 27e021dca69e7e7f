"""Sheets of latent arithmetic (as in the DCGAN paper), attribute sweeps and comparisons."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw, ImageFont, ImageOps
from torch import Tensor

from reverie.core import image_io
from reverie.inference.latent.edit import LatentArithmetic

SIDE = 96


GAP = 8


LINE = 22


WHITE, INK = 255, (40, 40, 40)


Sheet = UInt8[np.ndarray, "h w 3"]


def sum_sheet(
    total: LatentArithmetic, means: Float[Tensor, "t c h w"], nine: Float[Tensor, "9 c h w"]
) -> Sheet:
    """Sheet of latent arithmetic: Radford et al. 2016, figure 7.

    One row per term: its exemplars and the image of its mean latent; at the right the image of the
    result, surrounded by eight of its neighbors.

    Args:
        total: the terms and their exemplars.
        means: images of the terms' mean latents, [-1, 1].
        nine: images of the result's neighborhood, [-1, 1].
    """
    rows = [
        (_signed(one.term.weight, one.term.text, first=number == 0), [*one.exemplars, mean])
        for number, (one, mean) in enumerate(zip(total.terms, means, strict=True))
    ]
    across = max(len(images) for _, images in rows)
    left = across * (SIDE + GAP) + 2 * GAP
    height = max(len(rows) * (SIDE + LINE + GAP), 3 * SIDE + LINE) + GAP
    canvas = Image.new("RGB", (left + 3 * SIDE + 4 * GAP, height), "white")
    pen, font = ImageDraw.Draw(canvas), ImageFont.load_default(15)
    for number, (words, images) in enumerate(rows):
        top = GAP + number * (SIDE + LINE + GAP)
        pen.text((GAP, top), words, INK, font)
        for place, image in enumerate(images):
            # The mean is right-aligned, apart from the exemplars.
            last = place == len(images) - 1
            x = left - 2 * GAP - SIDE if last else GAP + place * (SIDE + GAP)
            canvas.paste(_large(image), (x, top + LINE))
    pen.text((left + GAP, GAP), "result", INK, font)
    for place, image in enumerate(nine):
        row, column = divmod(place, 3)
        at = (left + GAP + column * (SIDE + GAP // 4), GAP + LINE + row * (SIDE + GAP // 4))
        canvas.paste(_large(image), at)
    return np.asarray(canvas)


def rows_sheet(
    rows: Sequence[Sequence[Float[Tensor, "c h w"]]], titles: Sequence[str], below: Sequence[str]
) -> Sheet:
    """Sheet of rows of images [-1, 1], with a title per column and a caption below each row."""
    across = max(len(row) for row in rows)
    step = SIDE + GAP + (LINE if any(below) else 0)
    canvas = Image.new(
        "RGB", (across * (SIDE + GAP) + GAP, LINE + GAP + len(rows) * step + GAP), "white"
    )
    pen, font = ImageDraw.Draw(canvas), ImageFont.load_default(13)
    for column, title in enumerate(titles):
        pen.text((GAP + column * (SIDE + GAP), GAP // 2), title, INK, font)
    for number, row in enumerate(rows):
        top = LINE + GAP + number * step
        for column, image in enumerate(row):
            canvas.paste(_large(image), (GAP + column * (SIDE + GAP), top))
        if number < len(below):
            pen.text((GAP, top + SIDE + 2), below[number], INK, font)
    return np.asarray(canvas)


def _signed(weight: float, text: str, first: bool) -> str:
    sign = "-" if weight < 0 else "" if first else "+"
    factor = "" if abs(weight) == 1 else f"{abs(weight):g} x "
    return f"{sign} {factor}{text}".strip()


def _large(image: Float[Tensor, "c h w"]) -> Image.Image:
    pixels = image_io.with_channels(image_io.to_uint8(image[None])[0], 3)
    factor = SIDE / max(pixels.shape[:2])
    how = Image.Resampling.NEAREST if factor.is_integer() else Image.Resampling.BICUBIC
    return ImageOps.pad(Image.fromarray(pixels), (SIDE, SIDE), how, color="white")
