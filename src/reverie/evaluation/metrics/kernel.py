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


ROWS = 1000
"""Rows of a kernel matrix that are in memory at once."""


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
    if len(one) ** 2 + len(other) ** 2 + len(one) * len(other) <= subsets * 3 * size**2:
        of_one, of_other = (
            torch.stack([torch.zeros(len(x)).double().index_fill(0, c[side], 1.0) for c in chosen])
            for side, x in enumerate((one, other))
        )
        values = squared_mmds(one.double(), other.double(), of_one, of_other)
    else:
        pairs = ((one[x].double(), other[y].double()) for x, y in chosen)
        values = torch.stack([squared_mmd(x, y) for x, y in pairs])
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

    def total(a: Tensor, b: Tensor, of_a: Tensor, of_b: Tensor) -> Tensor:
        """Sum of k(a, b) over the members of each pair of subsets, by rows of the kernel matrix."""
        sums = torch.zeros(len(of_a)).to(a)
        for rows, members in zip(a.split(ROWS), of_a.split(ROWS, dim=1), strict=True):
            sums += (members * (of_b @ kernel(b, rows))).sum(1)
        return sums

    count = of_x.sum(1)
    within = sum(
        (total(a, a, of, of) - of @ (a.square().mean(1) + 1) ** 3) / (count * (count - 1))
        for a, of in ((x, of_x), (y, of_y))
    )
    return within - 2 * total(x, y, of_x, of_y) / count**2


def squared_mmd(x: Float[Tensor, "n d"], y: Float[Tensor, "n d"]) -> Float[Tensor, ""]:
    """Squared maximum mean discrepancy of two sets of equal size.

    The estimate of Bińkowski et al. 2018: the diagonals of k(x, x) and k(y, y) are excluded.
    """
    n = len(x)
    within = sum(
        (k.sum() - k.diagonal().sum()) / (n * (n - 1)) for k in (kernel(x, x), kernel(y, y))
    )
    return within - 2 * kernel(x, y).mean()


def kernel(a: Float[Tensor, "n d"], b: Float[Tensor, "m d"]) -> Float[Tensor, "n m"]:
    """The polynomial kernel (aᵀb / d + 1)³ of each pair."""
    return (a @ b.T / a.shape[1] + 1) ** 3
