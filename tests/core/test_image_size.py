from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.core.errors import UserError
from reverie.core.image_size import ImageSize, Size
from reverie.core.options import Checked

sides = st.integers(1, 2**16)


@dataclass(frozen=True)
class Sized(Checked):
    image_size: ImageSize | None = None


@given(sides, sides)
def test_all_forms_of_a_size_are_stored_as_one(width: int, height: int) -> None:
    forms: list[Any] = [f"{width}x{height}", f"{width}×{height}", (width, height), [width, height]]
    forms += [Size(width, height), np.array([width, height])]
    if width == height:
        forms += [width, str(width), np.int64(width)]
    stored = {Sized(form).image_size for form in forms}
    assert stored == {width if width == height else f"{width}x{height}"}
    assert Size.of(stored.pop()) == (width, height)


def test_no_size() -> None:
    assert Sized().image_size is None


@pytest.mark.parametrize(
    "value", ["96 x 64", "96x", "x64", "96x64x3", "-1x4", "", "96,64", "wide", (1, 2, 3), (), 6.5,
              True, [True, 4], (6.5, 3), b"96", None, {"width": 3}]
)  # fmt: skip
def test_what_is_no_size_is_refused(value: Any) -> None:
    if value is None:
        value = ("9", None)
    with pytest.raises(UserError, match=r"--image-size must be a side in pixels, or WIDTHxHEIGHT"):
        Sized(value)


@pytest.mark.parametrize("value", [0, "0", "96x0", (0, 64), -3])
def test_sides_are_positive(value: Any) -> None:
    with pytest.raises(UserError, match=r"--image-size must be at least 1, not (0|-3)\."):
        Sized(value)


@pytest.mark.parametrize("value", [65537, "96x65537", (10**9, 64), "999999999"])
def test_sides_have_an_upper_bound(value: Any) -> None:
    with pytest.raises(UserError, match="--image-size must be at most 65536"):
        Sized(value)


def test_width_comes_first_and_height_in_tensors() -> None:
    size = Size.of("96x64")
    assert (size.width, size.height, size.shape, str(size)) == (96, 64, (64, 96), "96×64")
    assert size.times(0.5) == (48, 32)
    assert Size.of(64).times(1.117) == (71, 71)
