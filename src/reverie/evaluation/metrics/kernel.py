"""Kernel distance between two sets of features: KID with Inception's features.

Bińkowski et al. 2018: an unbiased estimate of the squared maximum mean discrepancy under the
polynomial kernel k(x, y) = (xᵀy / d + 1)³, averaged over random subsets. It may be negative;
unlike the Fréchet distance it has no bias that depends on the number of images.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from reverie.core.errors import UserError

SUBSETS = 100


SUBSET_SIZE = 1000


BLOCK = 500
"""Rows and columns of a kernel matrix that are in memory at once."""

LARGEST_SINGLE = 1e8
"""Kernel values above this are computed in float64: float32 might overflow."""


@dataclass(frozen=True)
class KernelDistance:
    """Mean over the subsets and its standard error."""

    mean: float
    standard_error: float


def kernel_distance(
    one: Float[Tensor, "n d"],
    other: Float[Tensor, "m d"],
    generator: torch.Generator,
    subsets: int = SUBSETS,
) -> KernelDistance:
    """Kernel distance of two sets of features.

    Kernel values are computed in float32, by blocks, and summed in float64.

    Args:
        one: features of the first set.
        other: features of the second set.
        generator: draws the subsets.
        subsets: number of random subsets, each of up to `SUBSET_SIZE` images of either set.

    Raises:
        UserError: if a set has fewer than two images, or a feature is not finite.
    """
    size = min(SUBSET_SIZE, len(one), len(other))
    if size < 2:
        raise UserError("a kernel distance needs two images or more in each set.")
    if not (torch.isfinite(one).all() and torch.isfinite(other).all()):
        raise UserError("the features are not finite, so there is no distance.")
    chosen = [
        tuple(torch.randperm(len(x), generator=generator)[:size] for x in (one, other))
        for _ in range(subsets)
    ]
    largest = max(float(_diagonal(x).max()) for x in (one, other))
    x, y = (t.float() if largest < LARGEST_SINGLE else t.double() for t in (one, other))
    if len(x) ** 2 + len(y) ** 2 + len(x) * len(y) <= subsets * 3 * size**2:
        of_x, of_y = (
            torch.stack([torch.zeros(len(t)).to(t).index_fill(0, c[side], 1.0) for c in chosen])
            for side, t in enumerate((x, y))
        )
        values = squared_mmds(x, y, of_x, of_y)
    else:
        values = torch.stack([squared_mmd(x[i], y[j]) for i, j in chosen])
    return KernelDistance(float(values.mean()), float(values.std()) / math.sqrt(subsets))


def squared_mmds(
    x: Float[Tensor, "n d"],
    y: Float[Tensor, "m d"],
    of_x: Float[Tensor, "k n"],
    of_y: Float[Tensor, "k m"],
) -> Float[Tensor, " k"]:
    """`squared_mmd` of k pairs of subsets of equal size, each kernel value computed once.

    Args:
        x: features of the first set.
        y: features of the second set.
        of_x: 1 for the members of each subset of x, 0 for the others.
        of_y: the same of y.
    """
    count = of_x.double().sum(1)
    within = sum(
        (_total(a, a, of, of) - of.double() @ _diagonal(a)) / (count * (count - 1))
        for a, of in ((x, of_x), (y, of_y))
    )
    return within - 2 * _total(x, y, of_x, of_y) / count**2


def _total(a: Tensor, b: Tensor, of_a: Tensor, of_b: Tensor) -> Tensor:
    """Sum of k(a, b) over the members of each pair of subsets, in float64, by blocks.

    Where `b` is `a`, the blocks below the diagonal equal those above it.
    """
    sums = torch.zeros(len(of_a)).double()
    for top in range(0, len(a), BLOCK):
        rows, members = a[top : top + BLOCK], of_a[:, top : top + BLOCK].double()
        for left in range(top if b is a else 0, len(b), BLOCK):
            values = kernel(b[left : left + BLOCK], rows)
            weight = 2 if b is a and left > top else 1
            sums += weight * (members * (of_b[:, left : left + BLOCK] @ values)).sum(1)
    return sums


def _diagonal(features: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
    """k(x, x) of each vector, in float64."""
    squares = [part.double().square().mean(1) for part in features.split(BLOCK)]
    return (torch.cat(squares) + 1) ** 3


def squared_mmd(x: Float[Tensor, "n d"], y: Float[Tensor, "n d"]) -> Float[Tensor, ""]:
    """Squared maximum mean discrepancy of two sets of equal size, in float64.

    The estimate of Bińkowski et al. 2018: the diagonals of k(x, x) and k(y, y) are excluded.
    """
    whole = torch.ones(1, len(x)).to(x)
    return squared_mmds(x, y, whole, whole)[0]


def kernel(a: Float[Tensor, "n d"], b: Float[Tensor, "m d"]) -> Float[Tensor, "n m"]:
    """The polynomial kernel (aᵀb / d + 1)³ of each pair."""
    return torch.addmm(torch.ones(()).to(a), a, b.T, alpha=1 / a.shape[1]).pow_(3)
