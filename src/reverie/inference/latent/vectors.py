"""Latent space geometry: slerp and lerp, interpolation paths, attribute directions.

Pure functions of latents [N, D] whose prior is a standard Gaussian.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

HELD_OUT = 5
"""Every fifth latent is held out to test a direction."""


RARE = 0.02


def slerp(
    one: Float[Tensor, "..."], other: Float[Tensor, "..."], shares: Float[Tensor, " n"]
) -> Float[Tensor, "n ..."]:
    """Spherical interpolation from `one` (share 0) to `other` (share 1): Shoemake 1985.

    Unlike linear interpolation it preserves the typical norm of Gaussian latents: White 2016.
    """
    cosine = torch.nn.functional.cosine_similarity(one.flatten(), other.flatten(), dim=0)
    angle = cosine.clamp(-1, 1).acos()
    shares = shares.reshape(-1, *[1] * one.ndim)
    if angle.sin() < 1e-6:  # nearly the same direction, where the arc is a line
        return (1 - shares) * one + shares * other
    return (((1 - shares) * angle).sin() * one + (shares * angle).sin() * other) / angle.sin()


def lerp(
    one: Float[Tensor, "..."], other: Float[Tensor, "..."], shares: Float[Tensor, " n"]
) -> Float[Tensor, "n ..."]:
    """Linear interpolation from `one` (share 0) to `other` (share 1)."""
    shares = shares.reshape(-1, *[1] * one.ndim)
    return (1 - shares) * one + shares * other


def interpolation_path(
    points: Float[Tensor, "p ..."], frames: int, *, loop: bool = False, straight: bool = False
) -> Float[Tensor, "frames ..."]:
    """Piecewise interpolation through all points in order, equally spaced in each segment.

    Args:
        points: latents to pass through.
        frames: number of latents to return.
        loop: return to the first point; the last frame is one step before it.
        straight: linear instead of spherical interpolation.
    """
    stops = torch.cat([points, points[:1]]) if loop else points
    stretches = len(stops) - 1
    if stretches == 0:
        return points.expand(frames, *points.shape[1:])
    end = stretches * (frames - 1) / frames if loop else stretches
    where = torch.linspace(0, end, frames)
    number = where.floor().clamp(max=stretches - 1).long()
    way = lerp if straight else slerp
    steps = [
        way(stops[n], stops[n + 1], (at - n)[None])[0]
        for n, at in zip(number.tolist(), where, strict=True)
    ]
    return torch.stack(steps)


def rescale_to_prior(latents: Float[Tensor, "... d"]) -> Float[Tensor, "... d"]:
    """Latents rescaled to norm √d, near which a standard Gaussian in d dimensions concentrates.

    Means of several latents have a smaller norm, sums of single latents a larger one.
    """
    return latents * math.sqrt(latents.shape[-1]) / latents.norm(dim=-1, keepdim=True)


@dataclass(frozen=True)
class AttributeDirection:
    """Vector along which an attribute changes, as long as the distance of the two means along it.

    Attributes:
        name: name of the attribute.
        vector: from the mean without the attribute to the mean with it, along the direction.
        accuracy: of a linear classifier with this normal, on held-out latents, in [0, 1].
        low: 2 % quantile of the latents without the attribute, in multiples of `vector`.
        high: 98 % quantile of the latents with the attribute; outside of [low, high] the generator
            extrapolates.
    """

    name: str
    vector: Float[Tensor, " d"]
    accuracy: float
    low: float
    high: float

    def along(self, latents: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """Coordinates of latents along the direction, in multiples of `vector`."""
        return latents @ self.vector / self.vector.square().sum()

    def steps(
        self, latents: Float[Tensor, "n d"], strength: float | Float[Tensor, " n"]
    ) -> Float[Tensor, " n"]:
        """Step of each latent along the direction: `strength`, clipped to end in [low, high].

        A latent that is already beyond the bound in this direction does not move.
        """
        here = self.along(latents)
        there = here + strength
        down = there.clamp(min=self.low).minimum(here)
        up = there.clamp(max=self.high).maximum(here)
        return torch.where(there < here, down, up) - here


def _direction(
    name: str,
    vector: Float[Tensor, " d"],
    accuracy: float,
    without: Float[Tensor, "n d"],
    with_it: Float[Tensor, "m d"],
) -> AttributeDirection:
    """Attribute direction with the range of the latents from which it was estimated."""
    free = AttributeDirection(name, vector, accuracy, -math.inf, math.inf)
    low, high = free.along(without).quantile(RARE), free.along(with_it).quantile(1 - RARE)
    return AttributeDirection(name, vector, accuracy, float(low), float(high))


def difference_of_means(
    name: str, latents: Float[Tensor, "n d"], has: Bool[Tensor, " n"]
) -> AttributeDirection:
    """Difference of the mean latents with and without an attribute."""
    train, test = _parts(len(latents))
    with_it, without = latents[train & has], latents[train & ~has]
    vector = with_it.mean(0) - without.mean(0)
    middle = (with_it.mean(0) + without.mean(0)) / 2
    said = (latents[test] - middle) @ vector > 0
    accuracy = float((said == has[test]).float().mean())
    return _direction(name, vector, accuracy, without, with_it)


def classifier_normal(
    name: str, latents: Float[Tensor, "n d"], has: Bool[Tensor, " n"]
) -> AttributeDirection:
    """Normal of a linear classifier (logistic regression): InterFaceGAN, Shen et al. 2020.

    Scaled to the distance of the two means along it. It separates best, possibly by components of
    small variance, and may therefore change an image little.
    """
    train, test = _parts(len(latents))
    x, y = latents[train], has[train].float()
    weights = torch.zeros(latents.shape[1] + 1, requires_grad=True)
    optimiser = torch.optim.LBFGS([weights], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        logits = x @ weights[:-1] + weights[-1]
        loss = F.binary_cross_entropy_with_logits(logits, y)
        loss = loss + 1e-3 * weights[:-1].square().sum()
        loss.backward()
        return loss

    optimiser.step(closure)  # type: ignore[arg-type]
    found = weights.detach()
    normal = F.normalize(found[:-1], dim=0)
    apart = (x[y > 0].mean(0) - x[y == 0].mean(0)) @ normal
    said = latents[test] @ found[:-1] + found[-1] > 0
    accuracy = float((said == has[test]).float().mean())
    return _direction(name, normal * apart, accuracy, x[y == 0], x[y > 0])


def project_out(vector: Float[Tensor, " d"], others: Float[Tensor, "k d"]) -> Float[Tensor, " d"]:
    """Component of `vector` orthogonal to `others`."""
    if len(others) == 0:
        return vector
    basis, _ = torch.linalg.qr(others.T)
    return vector - basis @ (basis.T @ vector)


def _parts(count: int) -> tuple[Bool[Tensor, " n"], Bool[Tensor, " n"]]:
    test = torch.arange(count) % HELD_OUT == 0
    return ~test, test
