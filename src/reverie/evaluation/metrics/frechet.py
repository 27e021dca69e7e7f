"""Fréchet distance between two sets of features, each modelled as a Gaussian.

d² = ‖μ₁ - μ₂‖² + tr(Σ₁ + Σ₂ - 2 (Σ₁ Σ₂)^½): Heusel et al. 2017, equation 6. With
Inception's features it is the FID; values under other features are not comparable with it.
"""

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from reverie.core.errors import UserError

ROWS = 5000
"""Features that are converted to float64 at once."""


@dataclass(frozen=True)
class Moments:
    """Count, mean and scatter matrix Σ (x - μ)(x - μ)ᵀ, in float64."""

    count: int
    mean: Float[Tensor, " d"]
    scatter: Float[Tensor, "d d"]

    @staticmethod
    def of(features: Float[Tensor, "n d"]) -> "Moments":
        """Moments of features [N, D]."""
        parts = features.split(ROWS)
        mean = torch.stack([part.double().sum(0) for part in parts]).sum(0) / len(features)
        scatter = torch.zeros(len(mean), len(mean)).double()
        for part in parts:
            deviations = part - mean
            scatter.addmm_(deviations.T, deviations)
        return Moments(len(features), mean, scatter)

    def merged(self, other: "Moments") -> "Moments":
        """Moments of the union of both sets (Chan, Golub & LeVeque 1979)."""
        count = self.count + other.count
        delta = other.mean - self.mean
        mean = self.mean + delta * (other.count / count)
        cross = torch.outer(delta, delta) * (self.count * other.count / count)
        return Moments(count, mean, self.scatter + other.scatter + cross)

    @property
    def covariance(self) -> Float[Tensor, "d d"]:
        return self.scatter / (self.count - 1)

    @cached_property
    def root(self) -> Float[Tensor, "d d"]:
        """The symmetric square root of the covariance."""
        values, vectors = torch.linalg.eigh(self.covariance)
        return (vectors * values.clamp(min=0).sqrt()) @ vectors.T


def frechet_distance(one: Moments, other: Moments) -> float:
    """Squared Fréchet distance of two Gaussians.

    tr (Σ₁ Σ₂)^½ is the sum of the square roots of the eigenvalues of the symmetric matrix
    Σ₂^½ Σ₁ Σ₂^½, so no square root of a general matrix is needed; Σ₂^½ is kept in `other`.

    Raises:
        UserError: if a set has fewer than two images, or a feature is not finite.
    """
    for moments in (one, other):
        if moments.count < 2:
            raise UserError("a Fréchet distance needs two images or more in each set.")
        if not torch.isfinite(moments.scatter).all():
            raise UserError("the features are not finite, so there is no distance.")
    eigenvalues = torch.linalg.eigvalsh(other.root @ one.covariance @ other.root)
    overlap = eigenvalues.clamp(min=0).sqrt().sum()
    traces = one.covariance.trace() + other.covariance.trace()
    return float((one.mean - other.mean).square().sum() + traces - 2 * overlap)
