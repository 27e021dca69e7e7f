"""Image sizes that networks fit: how often they are halved, and what is said of other sizes.

Convolutions of kernel 4, stride 2 and padding 1 halve a side and round down; transposed ones double
it, plus one row or column where a half was rounded.
"""

from collections.abc import Callable

from torch import nn

from reverie.core.errors import UserError
from reverie.core.image_size import ImageSize, Size

STEP, SMALLEST, LARGEST = 4, 16, 512
"""Sides that are halved: multiples of 4 from 16 to 512."""
SMALLEST_MAP = 7
"""The shorter side of a generator's smallest feature map is at most this."""
SEARCHED = 256
"""How far from a size that does not fit others are tried, in pixels."""


def halved_sizes(image_size: ImageSize, smallest_map: int = SMALLEST_MAP) -> list[Size]:
    """Sizes of feature maps, halved until the shorter side is at most `smallest_map`.

    The first is the image's own: 28×28, 14×14, 7×7, or 100×64, 50×32, 25×16, 12×8, 6×4.

    Raises:
        UserError: if a side is no multiple of 4 from 16 to 512.
    """
    sizes = [Size.of(image_size)]
    if not _is_halvable(sizes[0]):
        raise UserError(
            f"convolutional networks need sides that are multiples of {STEP} from {SMALLEST} to "
            f"{LARGEST} pixels, not {sizes[0]}: {nearest_sizes(sizes[0], _is_halvable)}"
        )
    while min(sizes[-1]) > smallest_map:
        sizes.append(Size(sizes[-1].width // 2, sizes[-1].height // 2))
    return sizes


def _is_halvable(size: Size) -> bool:
    return all(side % STEP == 0 and SMALLEST <= side <= LARGEST for side in size)


def doubling(
    inputs: int, outputs: int, small: Size, large: Size, *, bias: bool = True
) -> nn.ConvTranspose2d:
    """Transposed convolution from maps of size `small` to `large`, of which they are the half."""
    rest = (large.height - 2 * small.height, large.width - 2 * small.width)
    return nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, output_padding=rest, bias=bias)


def nearest_sizes(size: Size, fits: Callable[[Size], bool], step: int = STEP) -> str:
    """What to do about a size that does not fit: the nearest that do, of multiples of `step`."""
    down, up = Size(*(s // step * step for s in size)), Size(*(-(-s // step) * step for s in size))
    smaller = (Size(down.width - d, down.height - d) for d in range(0, min(down), step))
    larger = (Size(up.width + d, up.height + d) for d in range(0, SEARCHED, step))
    below, above = (next(filter(fits, sizes), None) for sizes in (smaller, larger))
    if below and above:
        both = dict.fromkeys((below, above))
        return f"use --image-size {' or '.join(str(one.option) for one in both)}."
    if above:
        return f"use --image-size {above.option} or larger."
    return f"use --image-size {below.option} or smaller." if below else "no size near it fits."
