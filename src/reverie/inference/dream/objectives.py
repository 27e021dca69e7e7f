"""Objectives of deep dreams: functions of a network's activations, maximised by ascent."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from reverie.core.errors import UserError

Score = Callable[[Tensor], Tensor]
"""Scalar function of a layer's activation [1, C, H, W], to be maximised."""


@dataclass(frozen=True)
class Term:
    """Weighted score of one layer's activation."""

    layer: str
    score: Score
    weight: float = 1.0


@dataclass(frozen=True)
class DreamObjective:
    """Weighted sum of terms to be maximised. Supports `a + b` and `number * a`."""

    terms: tuple[Term, ...]

    def __add__(self, other: "DreamObjective") -> "DreamObjective":
        return DreamObjective(self.terms + other.terms)

    def __mul__(self, factor: float) -> "DreamObjective":
        return DreamObjective(tuple(replace(t, weight=t.weight * factor) for t in self.terms))

    __rmul__ = __mul__

    @property
    def layers(self) -> list[str]:
        """Names of the layers whose activations it needs, without duplicates."""
        return list(dict.fromkeys(term.layer for term in self.terms))

    def __call__(self, activations: dict[str, Tensor]) -> Tensor:
        """Value of the objective (scalar), given the activations of its layers by name."""
        exact = {
            name: a if a.dtype == torch.float64 else a.float() for name, a in activations.items()
        }
        return torch.stack([t.weight * t.score(exact[t.layer]) for t in self.terms]).sum()


def mean(layer: str) -> DreamObjective:
    """Mean activation of a layer, as in TensorFlow's DeepDream tutorial."""
    return DreamObjective((Term(layer, lambda a: a.mean()),))


def l2(layer: str) -> DreamObjective:
    """Half the mean square of a layer's activations: Mordvintsev et al. 2015.

    Its gradient with respect to the activation is proportional to the activation, which amplifies
    the features present in the image.
    """
    return DreamObjective((Term(layer, lambda a: 0.5 * a.square().mean()),))


def channel(layer: str, number: int) -> DreamObjective:
    """Mean activation of one channel.

    Raises:
        UserError: when evaluated, if the layer has no such channel.
    """

    def score(activation: Tensor) -> Tensor:
        if not 0 <= number < activation.shape[1]:
            raise UserError(
                f"{layer} has channels 0 to {activation.shape[1] - 1}, so there is no {number}."
            )
        return activation[:, number].mean()

    return DreamObjective((Term(layer, score),))


def unit(layer: str, number: int, y: float = 0.5, x: float = 0.5) -> DreamObjective:
    """Activation of one channel at one position; `y` and `x` are relative, in [0, 1]."""

    def score(activation: Tensor) -> Tensor:
        height, width = activation.shape[-2:]
        row, column = min(int(y * height), height - 1), min(int(x * width), width - 1)
        return activation[:, number, row, column].mean()

    return DreamObjective((Term(layer, score),))


def direction(layer: str, vector: Float[Tensor, " c"]) -> DreamObjective:
    """Mean projection of a layer's activations on a direction in channel space."""
    unit_vector = vector / vector.norm()

    def score(activation: Tensor) -> Tensor:
        return (activation * unit_vector[:, None, None].to(activation.device)).sum(1).mean()

    return DreamObjective((Term(layer, score),))


def guided(layer: str, guide: Float[Tensor, "1 c h w"]) -> DreamObjective:
    """Guided dream: mean dot product of each activation column with its best match in a guide.

    Mordvintsev et al. 2015: aᵀy*, where y* is the guide's column with the largest aᵀy.

    Args:
        layer: name of the layer.
        guide: the layer's activation for the guide image.
    """
    guide = guide.flatten(2)[0]  # [C, N]

    def score(activation: Tensor) -> Tensor:
        here, columns = activation.flatten(2)[0], guide.to(activation)  # [C, P], [C, N]
        with torch.no_grad():
            best = columns[:, (here.T @ columns).argmax(1)]
        return (here * best).sum(0).mean()

    return DreamObjective((Term(layer, score),))
