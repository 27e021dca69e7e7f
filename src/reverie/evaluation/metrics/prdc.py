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

BLOCK = 1000
"""Rows and columns of a matrix of distances that are in memory at once."""


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

    Distances are computed in float32, by blocks: beside the features, memory does not grow with
    their number.

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
    centre = torch.stack([part.double().sum(0) for part in real.split(BLOCK)]).sum(0) / len(real)
    blocks_of_real, blocks_of_fake = (_Blocks(x, centre) for x in (real, fake))
    radii_real = _squared_radii(blocks_of_real, nearest_neighbors)
    radii_fake = _squared_radii(blocks_of_fake, nearest_neighbors)
    counted = 0
    precise, recalled, covered = (torch.zeros(len(x), dtype=torch.bool) for x in (fake, real, real))
    for rows in blocks_of_real.places:
        for columns in blocks_of_fake.places:
            distances = _squared_distances(blocks_of_real[rows], blocks_of_fake[columns])
            in_real = distances < radii_real[rows, None]
            counted += int(in_real.sum())
            precise[columns] |= in_real.any(0)
            covered[rows] |= in_real.any(1)
            recalled[rows] |= (distances < radii_fake[columns]).any(1)
    return PRDC(
        precision=precise.double().mean().item(),
        recall=recalled.double().mean().item(),
        density=counted / (nearest_neighbors * len(fake)),
        coverage=covered.double().mean().item(),
    )


@dataclass(frozen=True)
class _Blocks:
    """Features by blocks of rows, relative to `centre`, which spares float32 its last digits."""

    features: Float[Tensor, "n d"]
    centre: Float[Tensor, " d"]

    @property
    def places(self) -> list[slice]:
        count = len(self.features)
        return [slice(start, min(start + BLOCK, count)) for start in range(0, count, BLOCK)]

    def __getitem__(self, place: slice) -> Float[Tensor, "b d"]:
        return (self.features[place] - self.centre).float()


def _squared_distances(a: Float[Tensor, "n d"], b: Float[Tensor, "m d"]) -> Float[Tensor, "n m"]:
    """‖a - b‖² of each pair; rounding may leave it a little below 0."""
    squares = torch.addmm(b.square().sum(1), a, b.T, alpha=-2)
    return squares.add_(a.square().sum(1)[:, None])


def _squared_radii(blocks: _Blocks, nearest_neighbors: int) -> Float[Tensor, " n"]:
    """Squared distance of each vector to its k-th nearest other one; each pair is computed once."""
    nearest = torch.full((len(blocks.features), nearest_neighbors), torch.inf)

    def note(place: slice, distances: Tensor) -> None:
        both = torch.cat([nearest[place], distances], dim=1)
        nearest[place] = both.topk(nearest_neighbors, largest=False).values

    for number, rows in enumerate(blocks.places):
        for columns in blocks.places[number:]:
            distances = _squared_distances(blocks[rows], blocks[columns])
            if columns == rows:
                distances.fill_diagonal_(torch.inf)
            else:
                note(columns, distances.T)
            note(rows, distances)
    return nearest.amax(1)
