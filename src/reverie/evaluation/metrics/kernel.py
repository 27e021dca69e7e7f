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
    values = []
    for _ in range(subsets):
        x = one[torch.randperm(len(one), generator=generator)[:size]].double()
        y = other[torch.randperm(len(other), generator=generator)[:size]].double()
        values.append(squared_mmd(x, y))
    spread = torch.stack(values)
    return KernelDistance(float(spread.mean()), float(spread.std()) / math.sqrt(subsets))


def squared_mmd(x: Float[Tensor, "n d"], y: Float[Tensor, "n d"]) -> Float[Tensor, ""]:
    """Squared maximum mean discrepancy of two sets of equal size.

    The estimate of Bińkowski et al. 2018: the diagonals of k(x, x) and k(y, y) are excluded.
    """
    n = len(x)

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        return (a @ b.T / a.shape[1] + 1) ** 3

    within = sum(
        (k.sum() - k.diagonal().sum()) / (n * (n - 1)) for k in (kernel(x, x), kernel(y, y))
    )
    return within - 2 * kernel(x, y).mean()
