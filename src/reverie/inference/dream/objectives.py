"""What a dream goes towards: functions of a network's activations."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from reverie.core.errors import UserError

Score = Callable[[Tensor], Tensor]
"""A layer's activation [1, C, H, W] to a number that should rise."""


@dataclass(frozen=True)
class Term:
    """One layer, what should rise there, and how much it counts."""

    layer: str
    score: Score
    weight: float = 1.0


@dataclass(frozen=True)
class DreamObjective:
    """What a dream goes towards: a sum of terms. Objectives add, and scale by numbers."""

    terms: tuple[Term, ...]

    def __add__(self, other: "DreamObjective") -> "DreamObjective":
        return DreamObjective(self.terms + other.terms)

    def __mul__(self, factor: float) -> "DreamObjective":
        return DreamObjective(tuple(replace(t, weight=t.weight * factor) for t in self.terms))

    __rmul__ = __mul__

    @property
    def layers(self) -> list[str]:
        """The layers it looks at."""
        return list(dict.fromkeys(term.layer for term in self.terms))

    def __call__(self, activations: dict[str, Tensor]) -> Tensor:
        """Its value, for the activations of its layers."""
        exact = {
            name: a if a.dtype == torch.float64 else a.float() for name, a in activations.items()
        }
        return torch.stack([t.weight * t.score(exact[t.layer]) for t in self.terms]).sum()


def mean(layer: str) -> DreamObjective:
    """The layer's mean activation, as in TensorFlow's tutorial."""
    return DreamObjective((Term(layer, lambda a: a.mean()),))


def l2(layer: str) -> DreamObjective:
    """Half the mean square of the activations, as in the first release: what is there, more of it.

    Its gradient is the activation itself.
    """
    return DreamObjective((Term(layer, lambda a: 0.5 * a.square().mean()),))


def channel(layer: str, number: int) -> DreamObjective:
    """One channel's mean.

    Raises:
        UserError: when it is used, if the layer has no such channel.
    """

    def score(activation: Tensor) -> Tensor:
        if not 0 <= number < activation.shape[1]:
            raise UserError(
                f"{layer} has channels 0 to {activation.shape[1] - 1}, so there is no {number}."
            )
        return activation[:, number].mean()

    return DreamObjective((Term(layer, score),))


def unit(layer: str, number: int, y: float = 0.5, x: float = 0.5) -> DreamObjective:
    """One channel at one place, from 0 to 1 down and across."""

    def score(activation: Tensor) -> Tensor:
        height, width = activation.shape[-2:]
        row, column = min(int(y * height), height - 1), min(int(x * width), width - 1)
        return activation[:, number, row, column].mean()

    return DreamObjective((Term(layer, score),))


def direction(layer: str, vector: Float[Tensor, " c"]) -> DreamObjective:
    """How far every place goes along a direction in the layer's channels."""
    unit_vector = vector / vector.norm()

    def score(activation: Tensor) -> Tensor:
        return (activation * unit_vector[:, None, None].to(activation.device)).sum(1).mean()

    return DreamObjective((Term(layer, score),))


def guided(layer: str, guide: Float[Tensor, "1 c h w"]) -> DreamObjective:
    """Towards another picture: every place along the guide's feature that fits it best.

    Mordvintsev et al. 2015: y*, the guide's column with the largest aᵀy.
    """
    guide = guide.flatten(2)[0]  # [C, N]

    def score(activation: Tensor) -> Tensor:
        here, columns = activation.flatten(2)[0], guide.to(activation)  # [C, P], [C, N]
        with torch.no_grad():
            best = columns[:, (here.T @ columns).argmax(1)]
        return (here * best).sum(0).mean()

    return DreamObjective((Term(layer, score),))
