"""From folders, tables, IDX files and built-in sets to batches."""

from reverie.data.batches import Batch, Batches
from reverie.data.dataset import (
    DataOptions,
    ImageDataset,
    ImageSpec,
    decode_dataset,
    find_dataset,
    open_dataset,
)
from reverie.data.sources import BUILT_IN, find_source

__all__ = [
    "BUILT_IN",
    "Batch",
    "Batches",
    "DataOptions",
    "ImageDataset",
    "ImageSpec",
    "decode_dataset",
    "find_dataset",
    "find_source",
    "open_dataset",
]
