"""Attribute labels of images: CelebA's list, or a table of 0 and 1."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from reverie.core import image_io
from reverie.core.errors import UserError
from reverie.core.image_size import ImageSize, Size
from reverie.data.sources import find_source
from reverie.data.tables import CELEBA_IMAGES, CELEBA_LIST


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

    def read(self, index: int, size: ImageSize, channels: int) -> np.ndarray:
        """Image `index` as the models use it: the centre, resized to `size`, uint8 [H, W, C]."""
        pixels = image_io.read(self.files[index], fit=image_io.Fit(Size.of(size), "crop"))
        return image_io.resize(image_io.with_channels(pixels, channels), size)


def read_attributes(place: str, split: str = "train") -> Attributes:
    """Read the attributes of a dataset.

    Args:
        place: the folder of CelebA's list, a .csv with file names in the first column and 1 or 0
            in the others, or `faces`.
        split: `train`, `test` or `all`, where there is a partition file.

    Raises:
        UserError: if there is no such list.
    """
    source = find_source(place, split)
    if not (source.files and source.attributes):
        raise UserError(
            f"{place}: attributes are read from {CELEBA_LIST} beside {CELEBA_IMAGES}, or from a "
            ".csv with file names and columns that hold 1 or 0 for every image."
        )
    values = np.stack(list(source.attributes.values()), axis=1)
    return Attributes(tuple(source.attributes), source.files, values)
