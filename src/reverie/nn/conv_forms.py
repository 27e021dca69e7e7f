"""Other ways to compute a convolution and its two gradients, each the same but for rounding.

Which one is fastest depends on the sizes and on the processor (docs/performance.md), so a training
measures them (`training/convolutions.py`). The usual way is PyTorch's own, `usual`; it is all that
models use that are sampled, exported or evaluated.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from reverie.nn import winograd

BLOCK = 2
"""Side of the blocks of pixels that `blocks` takes for one, in pixels."""

FEW_CHANNELS, MANY_CHANNELS = 8, 32
"""Convolutions from or to so few channels are tried in blocks; so many have Winograd tiles."""

FEW_POSITIONS = 128
"""Pixels of all images, on the smaller side of a convolution, up to which reading the weights takes
more time than computing: one matrix product reads them as they are, without another order."""


@dataclass(frozen=True)
class Geometry:
    """A convolution with square kernels, symmetric zero padding, one group and no dilation."""

    kernel: int
    stride: int = 1
    padding: int = 0
    transposed: bool = False
    output_padding: int = 0

    def arguments(self) -> tuple[list[int], list[int], list[int], bool, list[int], int]:
        """What PyTorch's convolutions are given after the tensors."""
        pair = [self.output_padding] * 2
        return [self.stride] * 2, [self.padding] * 2, [1, 1], self.transposed, pair, 1


Forward = Callable[[Tensor, Tensor, Geometry], Tensor]
"""The convolution of `(x, w, geometry)`."""

DataGradient = Callable[[Tensor, Tensor, Geometry, tuple[int, int]], Tensor]
"""The gradient with respect to x, of `(dy, w, geometry, height and width of x)`."""

WeightGradient = Callable[[Tensor, Tensor, Geometry], Tensor]
"""The gradient with respect to w, of `(dy, x, geometry)`."""


@dataclass(frozen=True)
class Form:
    """One way to compute the three passes of a convolution, or some of them."""

    fits: Callable[[Geometry, int, int], bool]
    """Whether it can be used and is worth a measurement, given the smaller number of channels, and
    of positions, of all images together."""
    memory: torch.memory_format = torch.channels_last
    """Memory format of its tensors."""
    forward: Forward | None = None
    data_gradient: DataGradient | None = None
    weight_gradient: WeightGradient | None = None


def usual(x: Tensor, w: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
    """PyTorch's convolution, transposed or not."""
    return torch.convolution(x, w, bias, *geometry.arguments())


def usual_gradients(
    dy: Tensor, x: Tensor, w: Tensor, geometry: Geometry, data: bool, weight: bool
) -> tuple[Tensor | None, Tensor | None]:
    """PyTorch's gradients of a convolution; they can be differentiated again."""
    wanted = [data, weight, False]
    return torch.ops.aten.convolution_backward(dy, x, w, None, *geometry.arguments(), wanted)[:2]


def _channels_last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)


def _to_blocks(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c4 h2 w2"]:
    """Blocks of pixels as channels, the place in the block first: (row, column, channel)."""
    b, c, h, w = x.shape
    parts = x.permute(0, 2, 3, 1).reshape(b, h // BLOCK, BLOCK, w // BLOCK, BLOCK, c)
    merged = parts.transpose(2, 3).reshape(b, h // BLOCK, w // BLOCK, BLOCK * BLOCK * c)
    return merged.permute(0, 3, 1, 2)


def _from_blocks(x: Float[Tensor, "b c4 h2 w2"]) -> Float[Tensor, "b c h w"]:
    b, merged, h, w = x.shape
    c = merged // BLOCK**2
    y = winograd.empty(b, c, h * BLOCK, w * BLOCK, x.dtype)
    places = y.permute(0, 2, 3, 1).view(b, h, BLOCK, w, BLOCK, c)
    places.copy_(x.permute(0, 2, 3, 1).reshape(b, h, w, BLOCK, BLOCK, c).transpose(2, 3))
    return y


def _block_count(kernel: int) -> int:
    """Blocks in each direction that a kernel covers from any place in its block."""
    return -(-(kernel + BLOCK - 1) // BLOCK)


def _blocked_kernels(w: Float[Tensor, "co ci k k"]) -> Float[Tensor, "co4 ci4 k2 k2"]:
    """For each place in a block the kernels, moved by so much."""
    (_, inputs, kernel, _), count = w.shape, _block_count(w.shape[2])
    free = count * BLOCK - kernel
    moved = [
        F.pad(w, (across, free - across, down, free - down))
        for down in range(BLOCK)
        for across in range(BLOCK)
    ]
    parts = torch.cat(moved).reshape(-1, inputs, count, BLOCK, count, BLOCK)
    return _channels_last(parts.permute(0, 3, 5, 1, 2, 4).reshape(-1, 4 * inputs, count, count))


def _padded_blocks(x: Tensor, geometry: Geometry) -> Tensor:
    """The input with its padding, and with as much below and right of it as whole blocks need."""
    padding, count = geometry.padding, _block_count(geometry.kernel)
    ends = []
    for side in reversed(x.shape[2:]):
        outputs = side + 2 * padding - geometry.kernel + 1
        whole = (-(-outputs // BLOCK) + count - 1) * BLOCK
        ends += [padding, whole - side - padding]
    return _to_blocks(F.pad(x, ends))


def _whole_blocks(dy: Tensor) -> Tensor:
    return _to_blocks(F.pad(dy, (0, dy.shape[3] % BLOCK, 0, dy.shape[2] % BLOCK)))


def _blocks_forward(x: Tensor, w: Tensor, geometry: Geometry) -> Tensor:
    shift = 2 * geometry.padding - geometry.kernel + 1
    y = _from_blocks(F.conv2d(_padded_blocks(x, geometry), _blocked_kernels(w)))
    return winograd.cropped(y, 0, (x.shape[2] + shift, x.shape[3] + shift))


def _blocks_data_gradient(
    dy: Tensor, w: Tensor, geometry: Geometry, size: tuple[int, int]
) -> Tensor:
    dx = _from_blocks(F.conv_transpose2d(_whole_blocks(dy), _blocked_kernels(w)))
    return winograd.cropped(dx, geometry.padding, size)


def _blocks_weight_gradient(dy: Tensor, x: Tensor, geometry: Geometry) -> Tensor:
    kernel, count = geometry.kernel, _block_count(geometry.kernel)
    outputs, inputs = dy.shape[1], x.shape[1]
    like = x.new_empty(4 * outputs, 4 * inputs, count, count)
    plain, blocks = Geometry(count), _padded_blocks(x, geometry)
    merged = usual_gradients(
        _whole_blocks(dy), blocks, _channels_last(like), plain, data=False, weight=True
    )[1]
    assert merged is not None
    parts = merged.view(4, outputs, BLOCK, BLOCK, inputs, count, count)
    moved = parts.permute(0, 1, 4, 5, 2, 6, 3).reshape(
        BLOCK, BLOCK, outputs, inputs, count * BLOCK, count * BLOCK
    )
    places = [(down, across) for down in range(BLOCK) for across in range(BLOCK)]
    own = [moved[d, a, :, :, d : d + kernel, a : a + kernel] for d, a in places]
    return _channels_last(torch.stack(own).sum(0))


def _products_weight_gradient(dy: Tensor, x: Tensor, geometry: Geometry) -> Tensor:
    """A matrix product for each of the kernel's places, over all pixels that it meets."""
    if geometry.transposed:
        dy, x = x, dy
    kernel, stride, padding = geometry.kernel, geometry.stride, geometry.padding
    last = F.pad(x.permute(0, 2, 3, 1), (0, 0, padding, padding, padding, padding))
    rows, columns = (stride * (side - 1) + 1 for side in dy.shape[2:])
    flat = dy.permute(0, 2, 3, 1).reshape(-1, dy.shape[1]).t()
    dw = dy.new_empty(kernel, kernel, dy.shape[1], x.shape[1])
    for i in range(kernel):
        for j in range(kernel):
            met = last[:, i : i + rows : stride, j : j + columns : stride]
            torch.mm(flat, met.reshape(-1, x.shape[1]), out=dw[i, j])
    return _channels_last(dw.permute(2, 3, 0, 1))


def _patches(x: Tensor, geometry: Geometry) -> Float[Tensor, "positions inputs"]:
    """What the kernel meets at each of its positions in each image (im2col)."""
    g = geometry
    columns = F.unfold(x, g.kernel, padding=g.padding, stride=g.stride)
    return columns.transpose(1, 2).flatten(0, 1)


def _pixels(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "positions c"]:
    return x.flatten(2).transpose(1, 2).flatten(0, 1)


def _gathered(x: Tensor, w: Tensor, geometry: Geometry) -> Tensor:
    """The convolution that is not transposed, as one matrix product."""
    g = geometry
    height, width = ((n + 2 * g.padding - g.kernel) // g.stride + 1 for n in x.shape[2:])
    rows = (_patches(x, g) @ w.flatten(1).t()).view(len(x), height * width, len(w))
    return rows.transpose(1, 2).contiguous().view(len(x), len(w), height, width)


def _scattered(x: Tensor, w: Tensor, geometry: Geometry, size: tuple[int, int]) -> Tensor:
    """The transposed convolution to height and width, as one matrix product."""
    g = geometry
    rows = (_pixels(x) @ w.flatten(1)).view(len(x), -1, w[0].numel())
    return F.fold(rows.transpose(1, 2), size, g.kernel, padding=g.padding, stride=g.stride)


def _columns_forward(x: Tensor, w: Tensor, geometry: Geometry) -> Tensor:
    g = geometry
    if not g.transposed:
        return _gathered(x, w, g)
    added = g.kernel + g.output_padding - 2 * g.padding
    height, width = ((n - 1) * g.stride + added for n in x.shape[2:])
    return _scattered(x, w, g, (height, width))


def _columns_data_gradient(
    dy: Tensor, w: Tensor, geometry: Geometry, size: tuple[int, int]
) -> Tensor:
    if geometry.transposed:
        return _gathered(dy, w, geometry)
    return _scattered(dy, w, geometry, size)


def _columns_weight_gradient(dy: Tensor, x: Tensor, geometry: Geometry) -> Tensor:
    if geometry.transposed:
        dy, x = x, dy
    dw = _pixels(dy).t() @ _patches(x, geometry)
    return dw.view(dy.shape[1], x.shape[1], geometry.kernel, geometry.kernel)


def _fits_columns(geometry: Geometry, channels: int, positions: int) -> bool:
    return channels >= MANY_CHANNELS and positions <= FEW_POSITIONS


def _fits_winograd(geometry: Geometry, channels: int, positions: int) -> bool:
    many = channels >= MANY_CHANNELS and not geometry.transposed
    return many and geometry.kernel in (3, 4) and geometry.stride == 1


def _fits_blocks(geometry: Geometry, channels: int, positions: int) -> bool:
    few = channels <= FEW_CHANNELS and not geometry.transposed
    return few and geometry.kernel > 1 and geometry.stride == 1


FORMS: dict[str, Form] = {
    "winograd": Form(
        fits=_fits_winograd,
        forward=lambda x, w, g: winograd.forward(x, w, g.padding),
        data_gradient=lambda dy, w, g, size: winograd.data_gradient(dy, w, g.padding, size),
        weight_gradient=lambda dy, x, g: winograd.weight_gradient(dy, x, g.kernel, g.padding),
    ),
    "blocks": Form(
        fits=_fits_blocks,
        forward=_blocks_forward,
        data_gradient=_blocks_data_gradient,
        weight_gradient=_blocks_weight_gradient,
    ),
    "products": Form(
        fits=lambda geometry, channels, _: channels >= MANY_CHANNELS and geometry.stride > 1,
        weight_gradient=_products_weight_gradient,
    ),
    "columns": Form(
        fits=_fits_columns,
        memory=torch.contiguous_format,
        forward=_columns_forward,
        data_gradient=_columns_data_gradient,
        weight_gradient=_columns_weight_gradient,
    ),
}
