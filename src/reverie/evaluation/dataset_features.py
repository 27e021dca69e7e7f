"""Features of the images of a dataset, from the cache where they are known.

They are computed once for each dataset and feature network, and serve evaluations and the
validations of a training alike.
"""

from collections.abc import Iterator

import numpy as np
from torch import Tensor

from reverie.core import image_io, progress
from reverie.core.processes import my_share
from reverie.core.result import counted
from reverie.data import ImageDataset
from reverie.data.array_cache import Arrays, cached_arrays
from reverie.evaluation.metrics.features import Features, extract_features, network_digest

VERSION = 1
"""Version of what the features of an image are; it changes with the code that computes them."""

BATCH_SIZE = 50


def dataset_features(name: str, images: ImageDataset) -> Features:
    """Features of all images of a dataset, in their order, by the feature network `name`.

    The cache's key has the images' names and contents, all that decoding and cropping depend on,
    the split, and the network with its weights.

    Raises:
        UserError: if there is no such network, or the images cannot be read.
    """
    about = f"features ({name}) of {counted(len(images), 'image')} of {images.source.place}"

    def compute() -> Arrays:
        seen = extract_features(name, batches_of(images, f"features of images ({name})"))
        return {"features": seen.features, "logits": seen.logits}

    if not images.options.cache:
        return Features(**compute())
    depends_on: dict[str, str | int] = {
        "version": VERSION,
        "images": images.fingerprint,
        "split": images.source.split,
        "count": len(images),
        "channels": images.spec.channels,
        "image_size": images.spec.size.option,
        "multiple": images.multiple,
        "network": name,
        "weights": network_digest(name),
    }
    return Features(**cached_arrays(depends_on, about, compute))


def batches_of(
    images: ImageDataset | Tensor, label: str, *, share: bool = False
) -> Iterator[Tensor]:
    """Images in batches, with a progress bar; with `share`, only this process's part."""
    mine = my_share(len(images)) if share else range(len(images))
    starts = range(mine.start, mine.stop, BATCH_SIZE)
    for first in progress.track(starts, len(starts), label, f"batches of {BATCH_SIZE}"):
        if isinstance(images, Tensor):
            yield images[first : first + BATCH_SIZE]
        else:
            indices = np.arange(first, min(first + BATCH_SIZE, mine.stop))
            yield image_io.to_tensor(images.read(indices))
