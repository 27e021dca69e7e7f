"""Precision, recall, density and coverage (PRDC) of generated images.

Precision and density measure fidelity: whether generated images lie on the manifold of real ones.
Recall and coverage measure diversity: how much of the real images' manifold is covered.
Kynkäänniemi et al. 2019; Naeem et al. 2020, equations 5 to 8.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from reverie.core.errors import UserError

NEIGHBOURS = 5


@dataclass(frozen=True)
class PRDC:
    """Fractions in [0, 1]; density may exceed 1."""

    precision: float
    recall: float
    density: float
    coverage: float


def prdc(
    real: Float[Tensor, "n d"], fake: Float[Tensor, "m d"], nearest_neighbors: int = NEIGHBOURS
) -> PRDC:
    """Precision, recall, density and coverage of `fake` against `real` features.

    Args:
        real: features of real images.
        fake: features of generated images.
        nearest_neighbors: k; the radius of each image's ball is the distance to its k-th nearest
            neighbour, excluding itself.

    Raises:
        UserError: if a set has k images or fewer.
    """
    if min(len(real), len(fake)) <= nearest_neighbors:
        raise UserError(
            f"precision and recall use {nearest_neighbors} nearest neighbours, so each set needs "
            f"{nearest_neighbors + 1} images or more."
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
    # The smallest distance is that of an image to itself.
    return torch.cdist(features, features).kthvalue(nearest_neighbors + 1, dim=1).values
