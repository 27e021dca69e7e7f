"""JPEG's own downscaling beside decoding in full."""

import io
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image

from reverie.core import image_io
from reverie.core.image_fit import ENOUGH, Fit, Resize, centre
from reverie.core.image_size import Size


def photograph(width: int, height: int, mode: str = "RGB", orientation: int = 1) -> io.BytesIO:
    """A JPEG of smooth shapes with edges and some grain."""
    y, x = np.mgrid[:height, :width] / 100
    shapes = np.sin(7 * x + 3 * y) + np.sign(np.sin(5 * y - 2 * x)) + np.cos(x * y)
    grain = np.random.default_rng(0).normal(0, 0.1, (height, width, 3))
    pixels = 127 + 40 * (shapes[..., None] * [1, 0.7, -0.5] + grain)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    buffer = io.BytesIO()
    image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).convert(mode)
    image.save(buffer, "jpeg", quality=90, exif=exif)
    return buffer


def difference(file: io.BytesIO, size: Size, policy: Resize) -> float:
    """Mean difference of pixels between both ways of decoding, in levels of 255."""
    fast = image_io.read(file, fit=Fit(size, policy))
    assert fast.shape[:2] == size.shape  # it was reduced
    whole = image_io.resize(image_io.read(file), size, policy)
    return float(np.abs(fast.astype(int) - whole).mean())


@pytest.mark.parametrize("policy", ["crop", "squash", "pad"])
@pytest.mark.parametrize(("width", "height"), [(1345, 757), (601, 799), (1023, 1025)])
def test_pixels_differ_by_less_than_a_level(width: int, height: int, policy: Resize) -> None:
    assert difference(photograph(width, height), Size(64, 64), policy) < 1
    assert difference(photograph(width, height), Size(100, 60), policy) < 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation(orientation: int) -> None:
    """Sizes that are no multiples of 8: the reduced image ends with the part of a pixel."""
    file = photograph(803, 607, orientation=orientation)
    assert difference(file, Size(48, 64), "crop") < 1
    assert difference(file, Size(48, 64), "squash") < 1


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_other_modes(mode: str) -> None:
    file = photograph(803, 607, mode)
    assert difference(file, Size(64, 64), "crop") < 1
    fast = image_io.read(file, fit=Fit(Size(64, 64), "crop"))
    assert fast.shape[2] == (1 if mode == "L" else 3)


def test_what_cannot_be_reduced_is_read_in_full() -> None:
    small = photograph(int(2 * ENOUGH * 64) - 1, 400)
    jpeg = photograph(400, 400)
    png = io.BytesIO()
    Image.open(jpeg).save(png, "png")
    cases: list[tuple[io.BytesIO, Resize]] = [(small, "crop"), (png, "crop"), (jpeg, "none")]
    for file, policy in cases:
        whole = image_io.read(file)
        fitted = image_io.read(file, fit=Fit(Size(64, 64), policy))
        np.testing.assert_array_equal(fitted, whole)


def test_random_sizes_keep_the_place_of_the_crop() -> None:
    """A bright square in the middle stays there, for any size and aspect ratio."""
    chance = random.Random(0)
    for _ in range(20):
        width, height = (chance.randint(300, 900) for _ in "wh")
        y, x = np.mgrid[:height, :width]
        inside = (abs(x - width / 2 + 0.5) < 100) & (abs(y - height / 2 + 0.5) < 100)
        buffer = io.BytesIO()
        Image.fromarray(np.where(inside, 255, 0).astype(np.uint8)).save(buffer, "jpeg", quality=95)
        fit = Fit(Size(32, 32), "crop")
        fast = image_io.read(buffer, fit=fit)
        whole = image_io.resize(image_io.read(buffer), fit.size, fit.policy)
        centres = [
            np.array([(x[..., 0] * place).sum() for place in np.mgrid[:32, :32]]) / x.sum()
            for x in (fast.astype(float), whole.astype(float))
        ]
        np.testing.assert_allclose(*centres, atol=0.03)  # in pixels


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40), st.integers(1, 40))
def test_the_largest_centred_crop_has_the_aspect_ratio(w: int, h: int, w2: int, h2: int) -> None:
    left, top, right, bottom = centre(w, h, Size(w2, h2))
    across, down = right - left, bottom - top
    assert 1 <= across <= w
    assert 1 <= down <= h
    assert across == w or down == h
    assert abs(across * h2 - down * w2) <= max(w2, h2) / 2 or min(across, down) == 1
    assert abs(left - (w - right)) <= 1
    assert abs(top - (h - bottom)) <= 1
