"""Diversity of samples beside that of training images, in any feature space.

Everything is relative to the training images themselves, so that 1 is the data's own diversity:
no threshold depends on the images or on the scale of the features.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

CLUSTERS, ITERATIONS = 20, 15
COPY = 0.5
"""A sample is a copy of its nearest training image if it is nearer than this fraction of the
distance from that image to its own nearest neighbour."""
SMALLEST_DISTANCE = 0.01
"""Distances between training images are at least this fraction of their mean: some are equal."""


@dataclass(frozen=True)
class Diversity:
    """Samples relative to training images; 1 is as in the data, 0 a complete collapse."""

    spread: float
    """Mean distance between two samples, over that between two training images."""
    spacing: float
    """Distance of a sample to the nearest other one, over that of training images, each the 10 %
    quantile: 0 if one sample in ten has a duplicate."""
    modes: float
    """Effective number of clusters that samples fall into, exp of the entropy, over that of
    training images (after the bins of Richardson & Weiss 2018)."""


class ReferenceFeatures:
    """Features [N, D] of training images, two or more, with what samples are compared with."""

    def __init__(self, features: Float[Tensor, "n d"]) -> None:
        self.features = features
        self._mean = torch.pdist(features).mean().clamp(min=1e-12)  # they may all be equal
        self._nearest = nearest_distances(features).clamp(min=SMALLEST_DISTANCE * self._mean)
        self._centres = cluster_centres(features, min(CLUSTERS, len(features)))

    def diversity(self, samples: Float[Tensor, "m d"]) -> Diversity:
        """Diversity of samples beside that of training images; the spacing needs equal counts."""
        count = min(len(samples), len(self.features))
        fake, real = samples[:count], self.features[:count]
        floor = SMALLEST_DISTANCE * self._mean
        spacings = [nearest_distances(x).quantile(0.1) for x in (fake, real)]
        return Diversity(
            spread=float(torch.pdist(fake).mean() / torch.pdist(real).mean().clamp(min=floor)),
            spacing=float(spacings[0] / spacings[1].clamp(min=floor)),
            modes=self._modes(samples) / self._modes(self.features),
        )

    def copies(self, samples: Float[Tensor, "m d"]) -> float:
        """Fraction of samples that are copies of training images; see `COPY`."""
        nearest = torch.cdist(samples, self.features).min(1)
        return float((nearest.values < COPY * self._nearest[nearest.indices]).float().mean())

    def _modes(self, features: Tensor) -> float:
        """Effective number of clusters: exp of the entropy of their shares."""
        shares = torch.cdist(features, self._centres).argmin(1).bincount().double()
        shares = shares[shares > 0] / len(features)
        return float((-(shares * shares.log()).sum()).exp())


def nearest_distances(features: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
    """Distance of each vector to the nearest other one."""
    return torch.cdist(features, features).fill_diagonal_(torch.inf).min(1).values


def cluster_centres(features: Float[Tensor, "n d"], count: int) -> Float[Tensor, "k d"]:
    """Centres of `count` clusters by k-means, begun with the first vectors."""
    centres = features[:count].clone()
    for _ in range(ITERATIONS):
        nearest = torch.cdist(features, centres).argmin(1)
        for number in nearest.unique().tolist():
            centres[number] = features[nearest == number].mean(0)
    return centres
