"""Norm layers that translators choose from by name, and their weights' beginning.

Instance norm without affine weights (Ulyanov et al. 2016) is what CycleGAN is built on. Its
statistics come from the whole picture, so a picture that is worked on in tiles needs them from
elsewhere: a layer can show what it sees to someone who measures, and be given statistics.
"""

import math
from collections.abc import Callable
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
        self.statistics: tuple[Tensor, Tensor] | None = None
        """Means and scales [1, C, 1, 1] to use instead of the picture's own."""
        self.measure: Callable[[Tensor], None] | None = None
        """Is shown what comes in, instead of anything going on."""

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        if self.measure is not None:
            self.measure(x)
            raise StatisticsMeasured
        if self.statistics is not None:
            mean, scale = self.statistics
            return ((x.float() - mean) * scale).to(x.dtype)
        if x.device.type != "cpu" or x.shape[-1] * x.shape[-2] == 1:
            return F.group_norm(x, self.channels, eps=EPSILON)
        # A batch norm of one picture is the same, and its backward ten times as fast here.
        each = [F.batch_norm(p, None, None, training=True, eps=EPSILON) for p in x.split(1)]
        return torch.cat(each) if len(each) > 1 else each[0]


class StatisticsMeasured(Exception):
    """A norm has seen what it was to measure; the rest of the network need not run."""


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


SPREAD = 0.02


def initialize_weights(network: nn.Module, keeps_variance: bool = False) -> None:
    """Convolutions from N(0, 0.02²), batch norms from N(1, 0.02²): Isola et al. 2017, 6.2.

    With `keeps_variance` convolutions are drawn for leaky ReLU as He et al. 2015 have it: without a
    norm behind them, the signal would shrink from layer to layer.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            if keeps_variance:
                nn.init.kaiming_normal_(layer.weight, a=0.2)
            else:
                nn.init.normal_(layer.weight, 0.0, SPREAD)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, SPREAD)
