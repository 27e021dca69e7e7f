"""Datasets from folders, tables, IDX files and built-in data, and their batches.

Names are imported when they are first used: the options and the names of datasets need no PyTorch.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reverie.data.batches import Batch, Batches
    from reverie.data.dataset import (
        ImageDataset,
        decode_dataset,
        find_dataset,
        open_dataset,
    )
    from reverie.data.image_spec import ImageSpec
    from reverie.data.options import DataOptions
    from reverie.data.sets import DATASETS
    from reverie.data.sources import find_source

_HOMES = {
    "DATASETS": "reverie.data.sets",
    "Batch": "reverie.data.batches",
    "Batches": "reverie.data.batches",
    "DataOptions": "reverie.data.options",
    "ImageSpec": "reverie.data.image_spec",
    "find_source": "reverie.data.sources",
    **dict.fromkeys(
        ["ImageDataset", "decode_dataset", "find_dataset", "open_dataset"],
        "reverie.data.dataset",
    ),
}

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


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'reverie.data' has no attribute {name!r}")
