"""From folders, tables, IDX files and built-in sets to batches."""

from reverie.data.batches import Batch, Batches
from reverie.data.dataset import (
    DataOptions,
    Pictures,
    PictureSpec,
    decode_pictures,
    find_pictures,
    open_pictures,
)
from reverie.data.sources import BUILT_IN, find_source

__all__ = [
    "BUILT_IN",
    "Batch",
    "Batches",
    "DataOptions",
    "PictureSpec",
    "Pictures",
    "decode_pictures",
    "find_pictures",
    "find_source",
    "open_pictures",
]
