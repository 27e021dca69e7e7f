"""Norm layers that translators choose from by name, and their weights' beginning.

Instance norm without affine weights (Ulyanov et al. 2016) is what CycleGAN is built on. Its
statistics come from the whole picture, so a picture that is worked on in tiles needs them from
elsewhere: a layer can write its statistics down and be given them back.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

NormName = Literal["instance", "batch", "group", "none"]

EPSILON = 1e-5


class InstanceNorm(nn.Module):
    """Every channel of every picture to mean 0 and variance 1; statistics are in float32."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.writes = False
        self.statistics: tuple[Tensor, Tensor] | None = None

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        if self.writes:
            variance, mean = torch.var_mean(x.float(), (2, 3), correction=0, keepdim=True)
            self.statistics = mean, (variance + EPSILON).rsqrt()
        if self.statistics is not None:
            mean, scale = self.statistics
            return ((x.float() - mean) * scale).to(x.dtype)
        return F.group_norm(x, self.channels, eps=EPSILON)


@contextmanager
def fixed_statistics(network: nn.Module, look: Callable[[], object] | None) -> Iterator[None]:
    """Inside, instance norms use the statistics of what `look` showed the network.

    Args:
        network: has the norms.
        look: runs the network once on a picture; None changes nothing.
    """
    norms = [layer for layer in network.modules() if isinstance(layer, InstanceNorm)]
    if look is None or not norms:
        yield
        return
    for layer in norms:
        layer.writes = True
    try:
        look()
        for layer in norms:
            layer.writes = False
        yield
    finally:
        for layer in norms:
            layer.writes, layer.statistics = False, None


def norm_layer(name: NormName, channels: int) -> nn.Module:
    """A norm of so many channels; groups of group norm have sixteen, or as many as divide."""
    match name:
        case "instance":
            return InstanceNorm(channels)
        case "batch":
            return nn.BatchNorm2d(channels)
        case "group":
            return nn.GroupNorm(math.gcd(channels, max(1, channels // 16)), channels)
        case "none":
            return nn.Identity()


def has_bias(norm: NormName) -> bool:
    """Whether a convolution before such a norm needs a bias: the others subtract it again."""
    return norm == "none"


def initialise(network: nn.Module, spread: float = 0.02) -> None:
    """Convolutions from N(0, 0.02²), batch norms from N(1, 0.02²): Isola et al. 2017, 6.2."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(layer.weight, 0.0, spread)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, spread)
