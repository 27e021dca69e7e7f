import numpy as np
import pytest

from reverie.core.errors import UserError
from reverie.data import find_source
from reverie.data.sets.digits import DIGITS, DIGITS_TRAIN_COUNT


def test_the_splits_are_a_partition() -> None:
    parts = {name: find_source("digits", name) for name in ("train", "test", "all")}
    counts = {name: len(source.names) for name, source in parts.items()}
    assert counts == {"train": DIGITS_TRAIN_COUNT, "test": 2000, "all": 10_000}
    rows = {n: s.pixels.reshape(len(s.names), -1) for n, s in parts.items() if s.pixels is not None}
    both = np.concatenate([rows["train"], rows["test"]])
    np.testing.assert_array_equal(both, rows["all"])
    train, test = ({row.tobytes() for row in rows[name]} for name in ("train", "test"))
    assert not train & test


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_classes_are_balanced(split: str) -> None:
    source = find_source("digits", split)
    assert source.class_names == tuple("0123456789")
    assert source.labels is not None
    shares = np.bincount(source.labels, minlength=10) / len(source.labels)
    assert 0.08 < shares.min() <= shares.max() < 0.13
    assert source.native_size == 28
    assert source.read(0, None).shape == (28, 28, 1)


def test_ones_have_less_ink_than_zeros() -> None:
    source = find_source("digits", "test")
    assert source.pixels is not None
    ink = source.pixels.reshape(2000, -1).mean(1)
    means = [ink[source.labels == digit].mean() for digit in range(10)]
    assert np.argmin(means) == 1
    assert np.argmax(means) == 0


def test_another_split_is_refused() -> None:
    with pytest.raises(UserError, match="there is no split 'tset'; did you mean 'test'"):
        find_source("digits", "tset")


def test_digits_come_with_the_package() -> None:
    assert DIGITS.fetch is None
    assert DIGITS.features == "digits"
