"""The kernel distance between two sets of features: KID when the features are Inception's.

Bińkowski et al. 2018: an unbiased estimate of the squared maximum mean discrepancy under the
polynomial kernel k(x, y) = (xᵀy / d + 1)³, averaged over random subsets. It may be negative, and
unlike the Fréchet distance it does not shrink with the number of pictures.
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
    """The mean over subsets and its standard error."""

    mean: float
    standard_error: float


def kernel_distance(
    one: Float[Tensor, "n d"],
    other: Float[Tensor, "m d"],
    generator: torch.Generator,
    subsets: int = SUBSETS,
) -> KernelDistance:
    """The kernel distance of two sets of features, over `subsets` of up to 1000 of each.

    Raises:
        UserError: if a set has fewer than two members or features that are not finite.
    """
    size = min(SUBSET_SIZE, len(one), len(other))
    if size < 2:
        raise UserError("a kernel distance needs two pictures or more on each side.")
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
    """The unbiased estimate for two sets of one size: pairs of a member with itself left out."""
    n = len(x)

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        return (a @ b.T / a.shape[1] + 1) ** 3

    within = sum(
        (k.sum() - k.diagonal().sum()) / (n * (n - 1)) for k in (kernel(x, x), kernel(y, y))
    )
    return within - 2 * kernel(x, y).mean()
