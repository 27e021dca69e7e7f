"""Precision, recall, density and coverage: is it good, and is it all of it?

Precision and density ask whether generated pictures lie among real ones; recall and coverage ask
whether real ones are reached. Kynkäänniemi et al. 2019; Naeem et al. 2020, equations 5 to 8.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from reverie.core.errors import UserError

NEIGHBOURS = 5


@dataclass(frozen=True)
class PRDC:
    """Shares from 0 to 1; density may exceed 1."""

    precision: float
    recall: float
    density: float
    coverage: float


def prdc(
    real: Float[Tensor, "n d"], fake: Float[Tensor, "m d"], nearest_neighbors: int = NEIGHBOURS
) -> PRDC:
    """Compare sets by balls around each member that reach to its k-th neighbour, itself left out.

    Raises:
        UserError: if a set has no more members than neighbours are asked for.
    """
    if min(len(real), len(fake)) <= nearest_neighbors:
        raise UserError(
            f"precision and recall look at {nearest_neighbors} neighbours, so each side needs "
            f"{nearest_neighbors + 1} pictures or more."
        )
    real, fake = real.double(), fake.double()
    radius_real = _radii(real, nearest_neighbors)
    radius_fake = _radii(fake, nearest_neighbors)
    distances = torch.cdist(real, fake)
    in_real = distances < radius_real[:, None]
    in_fake = distances < radius_fake[None]
    return PRDC(
        precision=in_real.any(0).double().mean().item(),
        recall=in_fake.any(1).double().mean().item(),
        density=in_real.double().sum(0).mean().item() / nearest_neighbors,
        coverage=(distances.min(1).values < radius_real).double().mean().item(),
    )


def _radii(features: Float[Tensor, "n d"], nearest_neighbors: int) -> Float[Tensor, " n"]:
    # The smallest distance of all is that of a member to itself.
    return torch.cdist(features, features).kthvalue(nearest_neighbors + 1, dim=1).values
