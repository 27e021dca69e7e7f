"""Any picture through a translator in bounded memory, without seams.

A pixel of the output depends on the input no further than the network's `receptive_radius`, so
tiles that overlap by that much give exactly what the whole image would. The exception is instance
norm, whose mean and variance are those of the whole image. These are measured first, layer by
layer: with the statistics of the layers before it fixed, every tile is run as far as the layer, and
its sums are accumulated. A network of 23 norms therefore runs about twelve times as long: the price
of a result that is the same.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from reverie.core import progress
from reverie.nn.norms import EPSILON, InstanceNorm, StatisticsMeasured

SMALLEST = 16


Picture = Float[Tensor, "1 c h w"]


@dataclass(frozen=True)
class Tile:
    """A part of a picture: what is read, and the part of it that counts, in pixels."""

    top: int
    bottom: int
    left: int
    right: int
    core_top: int
    core_bottom: int
    core_left: int
    core_right: int

    def of(self, image: Tensor) -> Tensor:
        return image[..., self.top : self.bottom, self.left : self.right]

    def core_of(self, made: Tensor) -> Tensor:
        """The part that counts of what the network gave for this tile, at whatever scale."""
        rows = made.shape[-2] / (self.bottom - self.top)
        columns = made.shape[-1] / (self.right - self.left)
        return made[
            ...,
            round((self.core_top - self.top) * rows) : round((self.core_bottom - self.top) * rows),
            round((self.core_left - self.left) * columns) : round(
                (self.core_right - self.left) * columns
            ),
        ]


def tiles(height: int, width: int, side: int, overlap: int, multiple: int) -> list[Tile]:
    """Tiles whose cores cover a picture once.

    Args:
        height: of the picture, a multiple of `multiple`.
        width: likewise.
        side: of the cores.
        overlap: how many pixels more are read on every side, where there are any.
        multiple: what every edge is a multiple of.
    """
    side = max(multiple, side // multiple * multiple)
    overlap = -(-overlap // multiple) * multiple

    def spans(length: int) -> list[tuple[int, int, int, int]]:
        starts = range(0, length, side)
        ends = [min(start + side, length) for start in starts]
        return [
            (max(0, s - overlap), min(length, e + overlap), s, e)
            for s, e in zip(starts, ends, strict=True)
        ]

    return [
        Tile(top, bottom, left, right, core_top, core_bottom, core_left, core_right)
        for top, bottom, core_top, core_bottom in spans(height)
        for left, right, core_left, core_right in spans(width)
    ]


def overlapping_windows(height: int, width: int, side: int) -> list[tuple[int, int, int, int]]:
    """Windows of at most `side` that cover everything and overlap by a quarter."""

    def spans(length: int) -> list[tuple[int, int]]:
        if length <= side:
            return [(0, length)]
        count = math.ceil((length - side) / (0.75 * side)) + 1
        starts = [round(n * (length - side) / (count - 1)) for n in range(count)]
        return [(start, start + side) for start in starts]

    return [(*rows, *columns) for rows in spans(height) for columns in spans(width)]


def fitted(image: Picture, multiple: int) -> Picture:
    """A picture whose sides are multiples, mirrored beyond its right and lower edge.

    Networks mirror edges themselves, for which a picture of a few pixels is too small.
    """
    height, width = image.shape[-2:]
    down = -height % multiple if height >= SMALLEST else max(SMALLEST, multiple) - height
    across = -width % multiple if width >= SMALLEST else max(SMALLEST, multiple) - width
    mirrors = down < height and across < width
    return F.pad(image, (0, across, 0, down), mode="reflect" if mirrors else "replicate")


@torch.inference_mode()
def run_tiled(network: nn.Module, image: Picture, side: int | None) -> Picture:
    """What `network` makes of a picture of any size, in tiles whose core is `side`, or at once.

    Args:
        network: says its `multiple`, and its `receptive_radius` where it can work in tiles.
        image: [-1, 1].
        side: of the tiles in pixels; None works on the whole.
    """
    height, width = image.shape[-2:]
    whole = fitted(image, int(network.multiple))  # type: ignore[arg-type]
    if side is None or not hasattr(network, "receptive_radius"):
        return network(whole)[..., :height, :width]
    parts = tiles(*whole.shape[-2:], side, int(network.receptive_radius), int(network.multiple))  # type: ignore[arg-type]
    made = None
    with whole_statistics(network, whole, parts):
        for part in progress.track(parts, len(parts), "translating", "tiles"):
            tile = part.core_of(network(part.of(whole)))
            if made is None:
                made = whole.new_empty((1, tile.shape[1], *whole.shape[-2:]))
            made[..., part.core_top : part.core_bottom, part.core_left : part.core_right] = tile
    assert made is not None
    return made[..., :height, :width]


@contextmanager
def whole_statistics(network: nn.Module, whole: Picture, parts: list[Tile]) -> Iterator[None]:
    """Inside, instance norms use the statistics of the whole picture, measured in tiles."""
    norms = [layer for layer in network.modules() if isinstance(layer, InstanceNorm)]
    try:
        for layer in progress.track(norms, len(norms), "measuring", "layers"):
            layer.statistics = _measured(network, layer, whole, parts)
        yield
    finally:
        for layer in norms:
            layer.statistics = layer.measure = None


def _measured(
    network: nn.Module, layer: InstanceNorm, whole: Picture, parts: list[Tile]
) -> tuple[Tensor, Tensor]:
    sums = torch.zeros(2, layer.channels, dtype=torch.float64)
    count = 0
    for part in parts:

        def add(x: Tensor, part: Tile = part) -> None:
            nonlocal count
            core = part.core_of(x).double()
            sums[0] += core.sum((0, 2, 3)).cpu()
            sums[1] += core.square().sum((0, 2, 3)).cpu()
            count += core.shape[-2] * core.shape[-1]

        layer.measure = add
        with suppress(StatisticsMeasured):
            network(part.of(whole))
    layer.measure = None
    mean = sums[0] / count
    variance = sums[1] / count - mean**2
    scale = (variance + EPSILON).rsqrt()
    return tuple(s.float().to(whole.device)[None, :, None, None] for s in (mean, scale))  # type: ignore[return-value]
