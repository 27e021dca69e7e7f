"""Tiled inference of image-to-image networks: bounded memory, no seams.

An output pixel depends on the input no further than the network's `receptive_radius`, so tiles that
overlap by that much give the result of the whole image. The exception is instance norm, whose mean
and variance are those of the whole image. These are computed first, layer by layer: with the
statistics of the previous layers fixed, every tile is run up to the layer, and sums are
accumulated. With 23 norms this takes about twelve times as long; the result is the same.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from reverie.core import progress
from reverie.nn.norms import EPSILON, GroupNorm, InstanceNorm, StatisticsMeasured

SMALLEST = 16


MOST_AT_ONCE, PIXELS_AT_ONCE = 8, 128**2
"""Images that are translated together, and their pixels: larger ones gain nothing from it."""


Picture = Float[Tensor, "1 c h w"]


@dataclass(frozen=True)
class Tile:
    """Pixel bounds of a tile of the input, and of its core, which excludes the overlap."""

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
        """Crop of the network's output for this tile to its core; the output may be scaled."""
        rows = made.shape[-2] / (self.bottom - self.top)
        columns = made.shape[-1] / (self.right - self.left)
        return made[
            ...,
            round((self.core_top - self.top) * rows) : round((self.core_bottom - self.top) * rows),
            round((self.core_left - self.left) * columns) : round(
                (self.core_right - self.left) * columns
            ),
        ]


def images_at_once(shape: Sequence[int]) -> int:
    """How many images of a shape that ends in height and width are translated together.

    Each is what it would be alone, but for rounding; only small ones gain.
    """
    return min(MOST_AT_ONCE, max(1, PIXELS_AT_ONCE // (shape[-1] * shape[-2])))


def tiles(height: int, width: int, side: int, overlap: int, multiple: int) -> list[Tile]:
    """Tiles whose cores partition an image.

    Args:
        height: height of the image, a multiple of `multiple`.
        width: width of the image, likewise.
        side: height and width of the cores.
        overlap: additional pixels on each side of a core, clipped to the image.
        multiple: every edge is a multiple of it.
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
    """Tiles (top, bottom, left, right) of at most `side` that overlap by a quarter or more."""

    def spans(length: int) -> list[tuple[int, int]]:
        if length <= side:
            return [(0, length)]
        count = math.ceil((length - side) / (0.75 * side)) + 1
        starts = [round(n * (length - side) / (count - 1)) for n in range(count)]
        return [(start, start + side) for start in starts]

    return [(*rows, *columns) for rows in spans(height) for columns in spans(width)]


def fitted(image: Float[Tensor, "b c h w"], multiple: int) -> Float[Tensor, "b c h2 w2"]:
    """Image padded at the right and bottom to multiples, by reflection where possible.

    The minimum side is 16 pixels, because the networks' own reflection padding fails on smaller
    feature maps.
    """
    height, width = image.shape[-2:]
    down = -height % multiple if height >= SMALLEST else max(SMALLEST, multiple) - height
    across = -width % multiple if width >= SMALLEST else max(SMALLEST, multiple) - width
    mirrors = down < height and across < width
    return F.pad(image, (0, across, 0, down), mode="reflect" if mirrors else "replicate")


@torch.inference_mode()
def run_tiled(
    network: nn.Module, image: Float[Tensor, "b c h w"], side: int | None
) -> Float[Tensor, "b c2 h w"]:
    """Output of `network` for an image of any size, computed in tiles or at once.

    Args:
        network: has the attribute `multiple`, and `receptive_radius` if it supports tiles.
        image: [-1, 1]; several of one size where they are not computed in tiles.
        side: height and width of the tiles' cores in pixels; None computes the image at once.
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
    """Context in which norms of images use the whole image's statistics, computed in tiles."""
    norms = [one for one in network.modules() if isinstance(one, InstanceNorm | GroupNorm)]
    try:
        for layer in progress.track(norms, len(norms), "measuring", "layers"):
            layer.statistics = _measured(network, layer, whole, parts)
        yield
    finally:
        for layer in norms:
            layer.statistics = layer.measure = None


def _measured(
    network: nn.Module, layer: InstanceNorm | GroupNorm, whole: Picture, parts: list[Tile]
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
    if isinstance(layer, GroupNorm):  # a group's channels share their statistics
        each = layer.channels // layer.num_groups
        sums = sums.unflatten(1, (layer.num_groups, each)).mean(2).repeat_interleave(each, 1)
    mean = sums[0] / count
    variance = sums[1] / count - mean**2
    scale = (variance + EPSILON).rsqrt()
    return tuple(s.float().to(whole.device)[None, :, None, None] for s in (mean, scale))  # type: ignore[return-value]


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether an error of PyTorch says that memory ran out."""
    words = str(error).lower()
    return "out of memory" in words or "not enough memory" in words or "allocate memory" in words
