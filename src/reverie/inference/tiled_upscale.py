"""Tiled super-resolution of images of any size in bounded memory.

Tiles overlap by the network's receptive radius, so that the result is that of the whole image
(except for RRDBNet, whose radius is too large). A tile that does not fit into memory is split, and
no pixel is omitted or computed twice. A tile that overflows bfloat16 is computed again in float32.
"""

import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from reverie.core import progress
from reverie.core.errors import UserError
from reverie.inference.tiling import Tile, is_out_of_memory, tiles
from reverie.methods.superres.networks import Upscaler, fuse_upscaler

SMALLEST_TILE = 16


MOST_MEMORY = 1.5e9
"""Upper limit of the memory budget of a tile, in bytes."""


SHARE_OF_FREE = 0.25


LARGEST_OVERLAP = 64
"""Pixels. SRResNet and compact networks have a smaller receptive radius. RRDBNet's is about 350;
its outer part has little influence and would take many times the memory."""


MAPS_ALIVE = 4
"""Number of feature maps of the largest size that a network holds at once."""


DRIFT = 12 / 127.5
"""Warning threshold for the difference of mean colours between a tile's output and input."""


@dataclass(frozen=True)
class UpscaledTile:
    """Upscaled core of a tile, which may exceed [-1, 1] a little, and the tile."""

    tile: Tile
    image: Float[Tensor, "1 c h w"]


class TiledUpscaler:
    """Upscales images of any size, tile by tile.

    Args:
        network: super-resolution network, in eval mode.
        precision: bfloat16 where the machine supports it natively, else float32.
        side: height and width of the tiles' cores in pixels; by default as large as fits into a
            quarter of the free memory, 1.5 GB at most.

    Raises:
        UserError: if `side` is below 16.
    """

    def __init__(self, network: Upscaler, precision: torch.dtype, side: int | None = None) -> None:
        if side is not None and side < SMALLEST_TILE:
            raise UserError(f"a tile has at least {SMALLEST_TILE} pixels a side, not {side}.")
        self.network = network
        self.side = side
        self.drift = 0.0
        self.overlap = min(network.receptive_radius, LARGEST_OVERLAP)
        self._said = False
        holds = network.supports_bfloat16 or precision != torch.bfloat16
        self._fused = fuse_upscaler(network, precision if holds else torch.float32)

    def whole(
        self, height: int, width: int, read: Callable[[Tile], Float[Tensor, "1 c h w"]]
    ) -> Float[Tensor, "1 c h2 w2"]:
        """The upscaled image in [-1, 1] on the CPU; see `parts`, of which one is not copied."""
        scale, channels = self.network.scale, self.network.channels
        made = None
        for part in self.parts(height, width, read):
            size = (height * scale, width * scale)
            if part.image.shape[2:] == size:
                return part.image.cpu().contiguous().clamp_(-1, 1)
            made = torch.empty(1, channels, *size) if made is None else made
            at = part.tile
            rows = slice(at.core_top * scale, at.core_bottom * scale)
            made[..., rows, at.core_left * scale : at.core_right * scale] = part.image
        assert made is not None
        return made.clamp_(-1, 1)

    @torch.no_grad()
    def parts(
        self, height: int, width: int, read: Callable[[Tile], Float[Tensor, "1 c h w"]]
    ) -> Iterator[UpscaledTile]:
        """Upscaled tiles of an image, from top left to bottom right; their cores partition it.

        Args:
            height: height of the input image.
            width: width of the input image.
            read: the input's pixels in [-1, 1] within a tile.

        Raises:
            UserError: if even the smallest tile does not fit into memory, or the output is not
                finite.
        """
        multiple = self.network.multiple
        side = self.side or self._fitting_side(height, width)
        todo = tiles(height, width, side, self.overlap, multiple)[::-1]
        if len(todo) > 1 and self.overlap < self.network.receptive_radius and not self._said:
            self._said = True
            progress.say(
                f"tiles overlap by {self.overlap} pixels, less than this network's receptive "
                "radius: the result is close to that of the whole image, but not equal"
            )
        while todo:
            tile = todo.pop()
            try:
                made = self._enlarged(read(tile))
            except RuntimeError as error:  # torch.OutOfMemoryError is one
                if not is_out_of_memory(error):
                    raise
                side = max(tile.core_bottom - tile.core_top, tile.core_right - tile.core_left) // 2
                if side < max(SMALLEST_TILE, multiple):
                    raise UserError(
                        "not even a tile of 16 pixels fits into memory: close other programs."
                    ) from None
                progress.warn(f"out of memory: continuing with tiles of {side} pixels")
                todo = _halved([tile, *todo[::-1]], height, width, side, self.overlap, multiple)
                continue
            yield UpscaledTile(tile, tile.core_of(made))

    def _enlarged(self, part: Tensor) -> Tensor:
        made, means = self._with_means(part)
        if not means.isfinite().all() and self._precision != torch.float32:
            progress.warn("bfloat16 overflowed: continuing in float32")
            self._fused = fuse_upscaler(self.network, torch.float32)
            made, means = self._with_means(part)
        if not means.isfinite().all():
            invalid = "weights are" if part.isfinite().all() else "input is"
            raise UserError(
                f"the network's output is not finite: its {invalid} invalid, use another."
            )
        self.drift = max(self.drift, float((means - part.mean((0, 2, 3))).abs().max()))
        return made

    def _with_means(self, part: Tensor) -> tuple[Tensor, Tensor]:
        """The upscaled part, and its mean colour, which is finite where all of its values are."""
        scale, multiple = self.network.scale, self.network.multiple
        height, width = part.shape[-2:]
        whole = F.pad(part, (0, -width % multiple, 0, -height % multiple), mode="replicate")
        made = self._fused(whole)[..., : height * scale, : width * scale]
        return made, made.mean((0, 2, 3), dtype=torch.float32)

    @property
    def _precision(self) -> torch.dtype:
        return next(self._fused.parameters()).dtype

    def _fitting_side(self, height: int, width: int) -> int:
        """Side of the largest tile within the memory budget; an image that fits is one tile."""
        bytes_each = 2 if self._precision == torch.bfloat16 else 4
        maps = MAPS_ALIVE * self.network.width * bytes_each * self.network.max_feature_scale**2
        at_the_end = 3 * 4 * self.network.channels * self.network.scale**2
        budget = min(MOST_MEMORY, SHARE_OF_FREE * _free_memory(self._fused))
        read = math.isqrt(max(1, int(budget / (maps + at_the_end))))
        if height * width <= read**2:
            return max(height, width) + self.network.multiple  # rounded down in tiles()
        return max(SMALLEST_TILE, 2 * self.network.multiple, read - 2 * self.overlap)


def _halved(
    waiting: list[Tile], height: int, width: int, side: int, overlap: int, multiple: int
) -> list[Tile]:
    """Remaining tiles split into smaller ones whose cores cover the same area, in reverse order."""
    receptive_radius = -(-overlap // multiple) * multiple
    smaller = []
    for tile in waiting:
        down, across = tile.core_bottom - tile.core_top, tile.core_right - tile.core_left
        for part in tiles(down, across, side, 0, multiple):
            top, bottom = tile.core_top + part.core_top, tile.core_top + part.core_bottom
            left, right = tile.core_left + part.core_left, tile.core_left + part.core_right
            above, below = max(0, top - receptive_radius), min(height, bottom + receptive_radius)
            before, after = max(0, left - receptive_radius), min(width, right + receptive_radius)
            smaller.append(Tile(above, below, before, after, top, bottom, left, right))
    return smaller[::-1]


def _free_memory(network: Upscaler) -> float:
    """Free memory of the network's device, in bytes."""
    device = next(network.parameters()).device
    if device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0])
    try:
        return float(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (ValueError, AttributeError, OSError):
        return 4e9  # where the system does not say
