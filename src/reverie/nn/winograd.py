"""Winograd's minimal filtering: convolutions of stride 1 with a quarter of the multiplications.

Lavin & Gray 2016, "Fast Algorithms for Convolutional Neural Networks". A tile of m×m outputs of an
r×r convolution is Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A, with n×n points, n = m + r - 1. Summed over channels,
the product ⊙ is n² matrix products, one a point. Gradients are the transposes of the three
transforms and the same matrix products. Transforms are products with Kronecker squares, so that
all is done by matrix products in float32, whatever the precision of the tensors.

With n = 6 and the points 0, ±3/4, ±3/2, ∞ the error in float32 is 2 to 3 × 10⁻⁶ of the largest
value, six times that of the sum in the usual order (Barabasz et al. 2020 on the choice of points).
"""

import functools
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

FINITE_POINTS = (0.0, 0.75, -0.75, 1.5, -1.5)
"""Points at which the polynomials are evaluated; with infinity there are six."""

POINTS = len(FINITE_POINTS) + 1


def tile_size(kernel: int) -> int:
    """Outputs of a tile in each direction: 4 for a 3×3 kernel, 3 for a 4×4 one, the largest."""
    return POINTS + 1 - kernel


@dataclass(frozen=True)
class Transforms:
    """Kronecker squares of the transforms: outputs [n², m²], kernels [n², r²], inputs [n², n²]."""

    outputs: Tensor
    kernels: Tensor
    inputs: Tensor


@functools.cache
def transforms(kernel: int) -> Transforms:
    """The transforms for one size of kernels.

    A and G evaluate a polynomial at the points, and B follows from what they must give together:
    sum_n A[n, i] G[n, j] B[n, d] is 1 where d = i + j, and else 0.
    """
    m, points = tile_size(kernel), np.array(FINITE_POINTS)
    a, g = (
        np.vstack([points[:, None] ** np.arange(size), np.eye(size)[-1:]]) for size in (m, kernel)
    )
    distances = points[:, None] - points + np.eye(len(points))
    g[:-1] /= distances.prod(1, keepdims=True)
    products = np.einsum("ni,nj->ijn", a, g).reshape(m * kernel, POINTS)
    i, j = np.divmod(np.arange(m * kernel), kernel)
    b = np.linalg.lstsq(products, np.eye(POINTS)[i + j], rcond=None)[0]
    return Transforms(*(torch.from_numpy(np.kron(x, x)).float() for x in (a, g, b)))


def _tiles_in(x: Tensor, kernel: int, padding: int) -> tuple[Tensor, tuple[int, int]]:
    """Transformed input tiles [n², tiles, channels], and how many tiles are below each other and
    side by side."""
    m = tile_size(kernel)
    rows, columns = (-(-(side + 2 * padding - kernel + 1) // m) for side in x.shape[2:])
    below, right = (
        count * m + kernel - 1 - side - padding
        for count, side in ((rows, x.shape[2]), (columns, x.shape[3]))
    )
    last = x.permute(0, 2, 3, 1)
    if padding or below or right:
        last = F.pad(last, (0, 0, padding, right, padding, below))
    tiles = last.unfold(1, POINTS, m).unfold(2, POINTS, m).permute(0, 1, 2, 4, 5, 3)
    flat = tiles.float().reshape(-1, POINTS**2, x.shape[1])
    return (transforms(kernel).inputs @ flat).transpose(0, 1), (rows, columns)


def _tiles_out(dy: Tensor, kernel: int) -> tuple[Tensor, tuple[int, int]]:
    """Gradients of outputs, in transformed tiles [n², tiles, channels], and their numbers."""
    m = tile_size(kernel)
    rows, columns = (-(-side // m) for side in dy.shape[2:])
    last = dy.permute(0, 2, 3, 1)
    below, right = rows * m - dy.shape[2], columns * m - dy.shape[3]
    if below or right:
        last = F.pad(last, (0, 0, 0, right, 0, below))
    parts = last.reshape(len(dy), rows, m, columns, m, -1).transpose(2, 3)
    flat = parts.float().reshape(-1, m * m, dy.shape[1])
    return (transforms(kernel).outputs @ flat).transpose(0, 1), (rows, columns)


def _transformed_kernels(w: Tensor) -> Float[Tensor, "points outputs inputs"]:
    outputs, inputs, kernel, _ = w.shape
    flat = w.float().permute(0, 2, 3, 1).reshape(outputs, kernel * kernel, inputs)
    return (transforms(kernel).kernels @ flat).transpose(0, 1)


def forward(
    x: Float[Tensor, "b ci h w"], w: Float[Tensor, "co ci k k"], padding: int
) -> Float[Tensor, "b co h2 w2"]:
    """The convolution of stride 1, of x's precision and in channels-last memory."""
    (b, _, h, width), (outputs, _, kernel, _) = x.shape, w.shape
    m, shift = tile_size(kernel), 2 * padding - kernel + 1
    points, (rows, columns) = _tiles_in(x, kernel, padding)
    products = points @ _transformed_kernels(w).transpose(1, 2)
    tiles = transforms(kernel).outputs.t() @ products.transpose(0, 1)
    y = empty(b, outputs, rows * m, columns * m, x.dtype)
    places = y.permute(0, 2, 3, 1).view(b, rows, m, columns, m, outputs)
    places.copy_(tiles.view(b, rows, columns, m, m, outputs).transpose(2, 3))
    return cropped(y, 0, (h + shift, width + shift))


def data_gradient(
    dy: Float[Tensor, "b co h2 w2"],
    w: Float[Tensor, "co ci k k"],
    padding: int,
    size: tuple[int, int],
) -> Float[Tensor, "b ci h w"]:
    """The gradient with respect to inputs of `size`: transformed back, overlapping tiles added."""
    inputs, kernel = w.shape[1:3]
    m, over = tile_size(kernel), kernel - 1
    points, (rows, columns) = _tiles_out(dy, kernel)
    products = points @ _transformed_kernels(w)
    tiles = transforms(kernel).inputs.t() @ products.transpose(0, 1)
    parts = tiles.view(len(dy), rows, columns, POINTS, POINTS, inputs).transpose(2, 3)
    dx = tiles.new_zeros(len(dy), rows + 1, m, columns + 1, m, inputs)
    dx[:, :-1, :, :-1] = parts[:, :, :m, :, :m]
    dx[:, 1:, :over, :-1] += parts[:, :, m:, :, :m]
    dx[:, :-1, :, 1:, :over] += parts[:, :, :m, :, m:]
    dx[:, 1:, :over, 1:, :over] += parts[:, :, m:, :, m:]
    dx = dx.view(len(dy), (rows + 1) * m, (columns + 1) * m, inputs).permute(0, 3, 1, 2)
    return cropped(dx.to(dy.dtype), padding, size)


def weight_gradient(
    dy: Float[Tensor, "b co h2 w2"], x: Float[Tensor, "b ci h w"], kernel: int, padding: int
) -> Float[Tensor, "co ci k k"]:
    """The gradient with respect to the kernels, in channels-last memory."""
    points, _ = _tiles_in(x, kernel, padding)
    products = _tiles_out(dy, kernel)[0].transpose(1, 2) @ points
    kernels = transforms(kernel).kernels.t() @ products.transpose(0, 1)
    shape = dy.shape[1], kernel, kernel, x.shape[1]
    return kernels.view(shape).to(dy.dtype).permute(0, 3, 1, 2)


def empty(images: int, channels: int, height: int, width: int, dtype: torch.dtype) -> Tensor:
    """Memory in channels-last order; not a view of it, so that a layer may change its values."""
    shape = images, channels, height, width
    return torch.empty(shape, dtype=dtype, memory_format=torch.channels_last)


def cropped(images: Tensor, start: int, size: tuple[int, int]) -> Tensor:
    """A part of images from pixel `start` on, in channels-last memory without gaps."""
    if start == 0 and images.shape[2:] == size:
        return images
    part = images[:, :, start : start + size[0], start : start + size[1]]
    return part.contiguous(memory_format=torch.channels_last)
