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


_ORDER, _FLIP, _PLACE, _DOMAIN_B, _TURN = range(5)


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


@dataclass(frozen=True)
class _Draw:
    """Which images a batch has, and how each is augmented; the images of a pair share one."""

    indices: np.ndarray
    places: np.ndarray | None
    """Relative positions of crops [B, 2]."""
    flipped: np.ndarray | None
    turns: np.ndarray | None
    """Quarter turns to the left."""


def _pixels(source: ImageDataset, draw: _Draw) -> Float[Tensor, "b c h w"]:
    pixels = source.read(draw.indices, draw.places)
    if draw.flipped is not None:
        pixels = np.where(draw.flipped[:, None, None, None], pixels[:, :, ::-1], pixels)
    if draw.turns is not None:
        pixels = np.stack([np.rot90(p, n) for p, n in zip(pixels, draw.turns, strict=True)])
    return image_io.to_tensor(pixels)


def _labels(source: ImageDataset, draw: _Draw) -> Int[Tensor, " b"] | None:
    return None if source.labels is None else torch.from_numpy(source.labels[draw.indices])


def _most_detailed(source: ImageDataset, indices: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Of the places [B, N, 2] of each image the one whose crop has most detail, [B, 2].

    Detail is the mean absolute difference of neighbouring rows and columns.
    """
    count, tried = places.shape[:2]
    crops = source.read(np.repeat(indices, tried), places.reshape(-1, 2)).astype(np.int16)
    detail = sum(np.abs(np.diff(crops, axis=axis)).mean((1, 2, 3)) for axis in (1, 2))
    return places[np.arange(count), np.reshape(detail, (count, tried)).argmax(1)]


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
        images = self.images
        draw = self._draw(images, self.seed, number)
        batch = Batch(_pixels(images, draw), _labels(images, draw))
        if images.domain_b is not None:
            if not images.paired:
                draw = self._draw(images.domain_b, mix(self.seed, _DOMAIN_B), number)
            batch = replace(batch, domain_b=_pixels(images.domain_b, draw))
        if images.low_res is not None:
            batch = replace(batch, low_res=_pixels(images.low_res, draw))
        return batch

    def _draw(self, source: ImageDataset, seed: int, number: int) -> "_Draw":
        """The random choices of a batch; each kind has a random stream of its own."""
        share = slice(self.rank * self.batch_size, (self.rank + 1) * self.batch_size)
        every, options = self.batch_size * self.world, source.options

        def stream(kind: int) -> np.random.Generator:
            return np.random.default_rng([seed, kind, number])

        indices = batch_indices(seed, number, every, len(source))[share]
        places = flipped = turns = None
        if source.larger:
            tried = options.crop_candidates
            shape = (every, 2) if tried == 1 else (every, tried, 2)
            places = stream(_PLACE).random(shape)[share]
            if tried > 1:
                places = _most_detailed(source, indices, places)
        if options.flip:
            flipped = stream(_FLIP).random(every)[share] < 0.5
        if options.rotate:
            turns = stream(_TURN).integers(4, size=every)[share]
        return _Draw(indices, places, flipped, turns)

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
