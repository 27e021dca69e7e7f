"""Circles, squares and triangles of random places and sizes, 28×28, drawn when they are loaded."""

import numpy as np

from reverie import UserError
from reverie.data.source import Dataset, Source, of_pixels

NAMES = ("circle", "square", "triangle")
SIZE = 28
COUNTS = {"train": 3000, "test": 600, "all": 3600}


def draw(shape: str, x: float, y: float, radius: float) -> np.ndarray:
    """One shape around (x, y), in white on black, uint8 [28, 28, 1]."""
    down, right = np.mgrid[:SIZE, :SIZE]
    down, right = down - y, right - x
    inside = {
        "circle": np.hypot(down, right) < radius,
        "square": np.maximum(abs(down), abs(right)) < 0.9 * radius,
        "triangle": (down < radius) & (2 * abs(right) < down + radius),
    }[shape]
    return np.where(inside, 255, 0).astype(np.uint8)[:, :, None]


def load_shapes(split: str) -> Source:
    """The shapes of a split: `train`, `test` or `all`; a third of each class.

    Raises:
        UserError: if there is no such split.
    """
    if split not in COUNTS:
        raise UserError(f"shapes has no split {split!r}: use {', '.join(COUNTS)}.")
    random = np.random.default_rng(0)
    labels = np.arange(COUNTS["all"]) % len(NAMES)
    places = random.uniform(9, SIZE - 10, (COUNTS["all"], 2))
    radii = random.uniform(4, 8, COUNTS["all"])
    chosen = {"train": slice(COUNTS["train"]), "test": slice(COUNTS["train"], None)}
    part = chosen.get(split, slice(None))
    drawn = [
        draw(NAMES[label], x, y, radius)
        for label, (x, y), radius in zip(labels[part], places[part], radii[part], strict=True)
    ]
    return of_pixels(f"shapes ({split})", np.stack(drawn), labels[part], NAMES, split)


SHAPES = Dataset(about="3,600 drawn circles, squares and triangles, 28×28", load=load_shapes)
