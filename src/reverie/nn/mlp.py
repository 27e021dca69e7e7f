"""Multilayer perceptron."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import nn


def mlp(
    sizes: Sequence[int],
    activation: Callable[[], nn.Module] = nn.ReLU,
    norm: Callable[[int], nn.Module] | None = None,
) -> nn.Sequential:
    """Multilayer perceptron with the given layer sizes, input and output included.

    Every linear layer but the last is followed by a norm, if any, and an activation.
    """
    layers: list[nn.Module] = []
    for index, (inputs, outputs) in enumerate(pairwise(sizes)):
        layers.append(nn.Linear(inputs, outputs))
        if index < len(sizes) - 2:
            if norm is not None:
                layers.append(norm(outputs))
            layers.append(activation())
    return nn.Sequential(*layers)
