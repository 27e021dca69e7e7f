"""Datasets from folders, tables, IDX files and built-in data, and their batches."""

from reverie.data.batches import Batch, Batches
from reverie.data.dataset import (
    ImageDataset,
    ImageSpec,
    decode_dataset,
    find_dataset,
    open_dataset,
)
from reverie.data.options import DataOptions
from reverie.data.sets import DATASETS
from reverie.data.sources import find_source

__all__ = [
    "DATASETS",
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
