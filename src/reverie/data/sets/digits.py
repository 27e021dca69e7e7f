"""Built-in dataset of handwritten digits (MNIST)."""

from pathlib import Path

import numpy as np

from reverie.core.errors import UserError, nearest
from reverie.data.source import Dataset, Source, of_pixels

DIGITS_TRAIN_COUNT = 8000


def _split(count: int, split: str, train_count: int) -> np.ndarray:
    order = np.random.RandomState(0).permutation(count)
    parts = {"train": order[:train_count], "test": order[train_count:], "all": order}
    if split not in parts:
        raise UserError(f"there is no split {split!r}; {nearest(split, parts)}")
    return parts[split]


def _digits(split: str) -> Source:
    with np.load(Path(__file__).with_name("digits.npz"), allow_pickle=False) as archive:
        pixels, labels = archive["x"].reshape(-1, 28, 28, 1), archive["y"]
    chosen = _split(len(pixels), split, DIGITS_TRAIN_COUNT)
    names = tuple(str(n) for n in range(10))
    return of_pixels(f"digits ({split})", pixels[chosen], labels[chosen], names, split)


DIGITS = Dataset(
    about="10,000 handwritten digits (MNIST), 28×28, 8,000 to train and 2,000 to test",
    load=_digits,
    features="digits",
)
