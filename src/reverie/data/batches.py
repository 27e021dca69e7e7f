"""Batches: batch n is a function of (seed, n) alone.

Each epoch is a new permutation; a batch may span two epochs, so that all images are used equally
often for any batch size.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import count

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from reverie.core import image_io
from reverie.core.rng import mix
from reverie.data.dataset import ImageDataset

READ_AHEAD = 2


_ORDER, _FLIP, _PLACE, _DOMAIN_B = range(4)


@dataclass(frozen=True)
class Batch:
    """Pictures in [-1, 1] [B, C, H, W] and, where the data has them, their labels [B].

    For translation `images` are of domain A and `domain_b` of B: of paired data the targets.
    For super-resolution `low_res` are the inputs where the data has them; it is empty otherwise.
    """

    images: Float[Tensor, "b c h w"]
    labels: Int[Tensor, " b"] | None = None
    domain_b: Float[Tensor, "b c h w"] = field(default_factory=lambda: torch.empty(0))
    low_res: Float[Tensor, "b c h2 w2"] = field(default_factory=lambda: torch.empty(0))

    def __len__(self) -> int:
        return len(self.images)

    def to(self, device: torch.device) -> "Batch":
        """Copy of the batch on `device`, channels last in memory."""

        def moved(images: Tensor) -> Tensor:
            layout = torch.channels_last if images.ndim == 4 else torch.preserve_format
            return images.to(device, memory_format=layout, non_blocking=True)

        labels = None if self.labels is None else self.labels.to(device, non_blocking=True)
        return Batch(moved(self.images), labels, moved(self.domain_b), moved(self.low_res))


@lru_cache(maxsize=2)
def _permutation(seed: int, epoch: int, count: int) -> np.ndarray:
    return np.random.default_rng([seed, _ORDER, epoch]).permutation(count)


def batch_indices(seed: int, number: int, batch_size: int, count: int) -> np.ndarray:
    """Indices [batch_size] into `count` images of batch `number`."""
    epoch, place = divmod(number * batch_size, count)
    if place + batch_size <= count:
        return _permutation(seed, epoch, count)[place : place + batch_size]
    positions = np.arange(number * batch_size, (number + 1) * batch_size)
    epochs, places = np.divmod(positions, count)
    indices = np.empty(batch_size, np.int64)
    for epoch in np.unique(epochs):
        here = epochs == epoch
        indices[here] = _permutation(seed, int(epoch), count)[places[here]]
    return indices


class Batches:
    """Random access to the batches of one process.

    Args:
        images: the dataset.
        batch_size: images per batch, in this process.
        seed: together with the batch number determines the batch.
        rank, world: index of this process and number of processes; each takes its rows of a batch
            that is `world` times as large.
    """

    def __init__(
        self, images: ImageDataset, batch_size: int, seed: int, rank: int = 0, world: int = 1
    ) -> None:
        self.images = images
        self.batch_size = batch_size
        self.seed = mix(seed)
        self.rank = rank
        self.world = world

    def read(self, number: int) -> Batch:
        """Batch `number`; unpaired domains are sampled independently."""
        images, labels = self._side(self.images, self.seed, number)
        batch = Batch(images, labels)
        if self.images.domain_b is not None:
            seed = self.seed if self.images.paired else mix(self.seed, _DOMAIN_B)
            batch = replace(batch, domain_b=self._side(self.images.domain_b, seed, number)[0])
        if self.images.low_res is not None:
            batch = replace(batch, low_res=self._side(self.images.low_res, self.seed, number)[0])
        return batch

    def _side(self, source: ImageDataset, seed: int, number: int) -> tuple[Tensor, Tensor | None]:
        share = slice(self.rank * self.batch_size, (self.rank + 1) * self.batch_size)
        every = self.batch_size * self.world
        indices = batch_indices(seed, number, every, len(source))[share]
        places = None
        if source.larger:
            places = np.random.default_rng([seed, _PLACE, number]).random((every, 2))[share]
        pixels = source.read(indices, places)
        if source.options.flip:
            flipped = np.random.default_rng([seed, _FLIP, number]).random(every)[share] < 0.5
            pixels = np.where(flipped[:, None, None, None], pixels[:, :, ::-1], pixels)
        labels = source.labels
        chosen = None if labels is None else torch.from_numpy(labels[indices])
        return image_io.to_tensor(pixels), chosen

    def stream(self, first: int, *, ahead: bool) -> Iterator[Batch]:
        """Endless batches from number `first`, prefetched by a thread if `ahead`.

        Prefetching pays where images are decoded or a GPU computes. On a CPU with cached images it
        costs time: PyTorch's threads wait for the one whose core it occupies.
        """
        if ahead:
            yield from self._stream_ahead(first)
        for number in count(first):
            yield self.read(number)

    def _stream_ahead(self, first: int) -> Iterator[Batch]:
        with ThreadPoolExecutor(1, "batches") as reader:
            coming = [reader.submit(self.read, first + n) for n in range(READ_AHEAD)]
            number = first + READ_AHEAD
            while True:
                yield coming.pop(0).result()
                coming.append(reader.submit(self.read, number))
                number += 1
