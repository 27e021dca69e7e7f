"""Attribute labels of images: CelebA's list, or a table of 0 and 1."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from reverie.core import image_io
from reverie.core.errors import UserError
from reverie.core.files import path_of
from reverie.data.sets import is_fetched
from reverie.data.source import set_folder
from reverie.data.tables import CELEBA_IMAGES, CELEBA_LIST, find_files, read_celeba, read_table

YES, NO = ("1", "true", "yes"), ("-1", "0", "false", "no")


@dataclass(frozen=True)
class Attributes:
    """Image files and their attributes: `values[i, j]` is whether image i has attribute j."""

    names: tuple[str, ...]
    files: tuple[Path, ...]
    values: Bool[np.ndarray, "n a"]

    def __len__(self) -> int:
        return len(self.files)

    def with_attribute(self, name: str) -> Bool[np.ndarray, " n"]:
        """Mask [N] of the images that have the attribute."""
        return self.values[:, self.names.index(name)]

    def read(self, index: int, size: int, channels: int) -> np.ndarray:
        """Image `index` as the models use it: the centre square, uint8 [size, size, C]."""
        pixels = image_io.with_channels(image_io.read(self.files[index], at_least=size), channels)
        return image_io.resize(pixels, size)


def read_attributes(place: str, split: str = "train") -> Attributes:
    """Read the attributes of a dataset.

    Args:
        place: the folder of CelebA's list, a .csv with file names in the first column and 1 or 0
            in the others, or `faces`.
        split: `train`, `test` or `all`, where there is a partition file.

    Raises:
        UserError: if there is no such list.
    """
    root = path_of(place)
    if not os.path.exists(root) and is_fetched(place):
        root = set_folder(place)
        if not (root / CELEBA_LIST).exists():
            raise UserError(
                f"the images and attributes are not available yet: run reverie data get {place}"
            )
    if root.suffix == ".csv" and os.path.isfile(root):
        return _of_table(root)
    root = root.parent if root.name == CELEBA_LIST else root
    if not os.path.isfile(root / CELEBA_LIST):
        raise UserError(
            f"{place}: attributes are read from {CELEBA_LIST} beside {CELEBA_IMAGES}, or from a "
            ".csv with file names and 0 or 1 for each attribute."
        )
    names, rows = read_celeba(root, split)
    if not rows:
        raise UserError(f"{place}: there are no images of the split {split!r}.")
    files = find_files(root / CELEBA_LIST, root / CELEBA_IMAGES, [row[0] for row in rows])
    values = np.array([[value == "1" for value in row[1:]] for row in rows])
    return Attributes(tuple(names), tuple(files), values)


def _of_table(path: Path) -> Attributes:
    header, rows = read_table(path)
    kept = [
        column
        for column in range(1, len(header))
        if all(row[column].strip().lower() in (*YES, *NO) for row in rows)
    ]
    if not kept:
        raise UserError(f"{path}: no column holds 1 or 0 for every image.")
    values = [[row[column].strip().lower() in YES for column in kept] for row in rows]
    files = tuple(find_files(path, path.parent, [row[0] for row in rows]))
    return Attributes(tuple(header[column] for column in kept), files, np.array(values))
