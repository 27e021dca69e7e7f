import hashlib

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from reverie.core import image_io
from reverie.core.errors import UserError
from reverie.data.arrays import channels_last, classes_of, of_arrays, range_of, to_pixels

SOME = np.random.default_rng(0).random((5, 8, 6, 3)).astype(np.float32)
BYTES = np.rint(SOME * 255).astype(np.uint8)


@pytest.mark.parametrize(
    "values",
    [
        BYTES,
        BYTES.astype(np.int64),
        BYTES / 255,
        (BYTES / 255).astype(np.float32),
        BYTES / 127.5 - 1,
    ],
    ids=["uint8", "int64", "float64", "float32", "signed"],
)
def test_every_range_gives_the_same_bytes(values: np.ndarray) -> None:
    source = of_arrays("array", [values])
    assert source.pixels is not None
    assert (source.pixels == BYTES).all()
    assert source.native_size == "6x8"
    assert source.digest() == of_arrays("list", [one[None] for one in BYTES]).digest()


def test_bytes_are_those_of_the_codec() -> None:
    images = torch.rand(4, 3, 5, 5) * 2 - 1
    images[0, 0, 0, 0] = -1
    values = images.permute(0, 2, 3, 1).numpy()
    assert (to_pixels(values, range_of("x", [values])) == image_io.to_uint8(images)).all()


@given(st.integers(0, 255), st.integers(0, 255))
def test_rgba_is_on_white(value: int, alpha: int) -> None:
    made = to_pixels(np.array([[[[value, 0, 0, alpha]]]], np.uint8), "0 to 255")
    exact = [(channel * alpha + 255 * (255 - alpha)) / 255 for channel in (value, 0, 0)]
    assert np.abs(made.reshape(3) - exact).max() <= 0.5


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.full((2, 4, 4, 1), np.nan), "NaN"),
        (np.array([0, np.inf]).reshape(1, 1, 2, 1), "NaN or infinite"),
        (SOME * 16, "go from .* to 1[56].* divide by the largest"),
        (SOME * 1.2 - 0.2, r"could be meant as \[0, 1\] or as \[-1, 1\]"),
        (np.zeros((2, 4, 4, 1)), "all equal"),
        ((SOME * 300).astype(int), r"integers go from 0 to 29\d"),
        ((SOME > 0.5).astype(int), "integers go from 0 to 1,"),
        (np.zeros((0, 4, 4, 1)), "no images"),
    ],
)
def test_unclear_values_are_refused(values: np.ndarray, message: str) -> None:
    with pytest.raises(UserError, match=message):
        of_arrays("array", [values])


def test_types_that_differ_are_refused() -> None:
    with pytest.raises(UserError, match="all be of one type, not of float32 and uint8"):
        of_arrays("list", [SOME, BYTES])


def test_black_bytes_are_warned_of(capsys: pytest.CaptureFixture[str]) -> None:
    of_arrays("array", [np.ones((2, 4, 4, 1), np.uint8)])
    assert "multiply masks of 0 and 1 by 255" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("shape", "first", "expected"),
    [
        ((5, 8, 6), False, (5, 8, 6, 1)),
        ((5, 8, 6, 3), False, (5, 8, 6, 3)),
        ((5, 3, 8, 6), False, (5, 8, 6, 3)),
        ((5, 1, 8, 6), True, (5, 8, 6, 1)),
        ((5, 3, 8, 3), True, (5, 8, 3, 3)),
        ((5, 8, 6, 4), False, (5, 8, 6, 4)),
    ],
)
def test_layouts(shape: tuple[int, ...], first: bool, expected: tuple[int, ...]) -> None:
    values = np.arange(np.prod(shape)).reshape(shape)
    found = channels_last("array", values, channels_first=first)
    assert found.shape == expected
    if len(shape) == 4 and shape != expected:
        assert found[1, 2, 1, 0] == values[1, 0, 2, 1]


@pytest.mark.parametrize(
    ("shape", "first", "message"),
    [
        ((5, 784), False, r"reshape them as \.reshape\(-1, 28, 28\)"),
        ((5,), False, "reshape them first"),
        ((28, 28, 3), False, "looks like one image"),
        ((3, 28, 28), True, "looks like one image"),
        ((5, 3, 8, 3), False, "could both be that of the channels"),
        ((5, 7, 8, 9), False, "no axis has the length of channels"),
        ((1, 1, 70_000), False, "more than 65,536 pixels"),
    ],
)
def test_unclear_layouts_are_refused(shape: tuple[int, ...], first: bool, message: str) -> None:
    with pytest.raises(UserError, match=message):
        channels_last("array", np.zeros(shape), channels_first=first)


def test_objects_are_refused() -> None:
    with pytest.raises(UserError, match="not of object"):
        channels_last("array", np.array([{}], object))


@pytest.mark.parametrize(
    ("labels", "names", "numbers", "classes"),
    [
        ([0, 2, 2], (), [0, 2, 2], ("0", "1", "2")),
        ([0, 1, 1], ("cat", "dog", "owl"), [0, 1, 1], ("cat", "dog", "owl")),
        (["dog", "cat", "dog"], (), [1, 0, 1], ("cat", "dog")),
        ([7, 7, 900], (), [0, 0, 1], ("7", "900")),
        ([-1, 1, 1], (), [0, 1, 1], ("-1", "1")),
        ([True, False, True], (), [1, 0, 1], ("0", "1")),
        (np.array([[1.0], [0.0], [1.0]]), (), [1, 0, 1], ("0", "1")),
    ],
)
def test_labels(labels: object, names: tuple, numbers: list[int], classes: tuple) -> None:
    found, known = classes_of(labels, 3, names)
    assert found.dtype == np.int64
    assert (found.tolist(), known) == (numbers, classes)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1], "2 labels for 3 images"),
        (np.eye(3), "one-hot vectors take .argmax"),
        ([0.5, 1, 2], "class numbers or names, not float64"),
        ([None, 1, 2], "class numbers or names, not object"),
    ],
)
def test_labels_that_name_no_classes(labels: object, message: str) -> None:
    with pytest.raises(UserError, match=message):
        classes_of(labels, 3)


def test_sizes_may_differ() -> None:
    source = of_arrays("list", [BYTES[:1], BYTES[1:2, :4]])
    assert source.native_size is None
    assert [source.read(i, None).shape for i in (0, 1)] == [(8, 6, 3), (4, 6, 3)]
    assert source.size_of(1) == (6, 4)
    assert len(source.digest()) == len(hashlib.sha256().hexdigest())
