"""Normalization layers by name, and weight initialization.

Instance norm without affine weights (Ulyanov et al. 2016) is CycleGAN's norm. Its statistics come
from the whole image, so tiled inference measures them first: a layer can pass its input to a
callback, and can use given statistics.
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
    """Instance normalization: mean 0 and variance 1 in each channel of each image.

    Without affine weights; statistics are in float32.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.statistics: tuple[Tensor, Tensor] | None = None
        """Fixed means and inverse standard deviations [1, C, 1, 1], in place of the input's."""
        self.measure: Callable[[Tensor], None] | None = None
        """Called with the layer's input; the forward pass then stops with StatisticsMeasured."""

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        if self.measure is not None:
            self.measure(x)
            raise StatisticsMeasured
        if self.statistics is not None:
            mean, scale = self.statistics
            return ((x.float() - mean) * scale).to(x.dtype)
        exporting = torch.compiler.is_exporting()  # where the number of images is free
        if exporting or x.device.type != "cpu" or x.shape[-1] * x.shape[-2] == 1:
            return F.group_norm(x, self.channels, eps=EPSILON)
        # Equal to a batch norm of a single image, whose backward is ten times as fast on a CPU.
        each = [F.batch_norm(p, None, None, training=True, eps=EPSILON) for p in x.split(1)]
        return torch.cat(each) if len(each) > 1 else each[0]


class GroupNorm(nn.GroupNorm):
    """Group normalization whose statistics can be measured and fixed, as for `InstanceNorm`."""

    def __init__(self, groups: int, channels: int) -> None:
        super().__init__(groups, channels)
        self.channels = channels
        self.statistics: tuple[Tensor, Tensor] | None = None
        """Fixed means and inverse standard deviations [1, C, 1, 1], in place of the input's."""
        self.measure: Callable[[Tensor], None] | None = None
        """Called with the layer's input; the forward pass then stops with StatisticsMeasured."""

    def forward(self, input: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        if self.measure is not None:
            self.measure(input)
            raise StatisticsMeasured
        if self.statistics is None:
            return super().forward(input)
        mean, scale = self.statistics
        weight, bias = (p[:, None, None] for p in (self.weight, self.bias))
        return ((input.float() - mean) * scale * weight + bias).to(input.dtype)


class StatisticsMeasured(Exception):
    """Raised to stop the forward pass after a norm measured its input."""


def norm_layer(name: NormName, channels: int) -> nn.Module:
    """Normalization layer by name.

    Group norm has gcd(channels, channels // 16) groups, and one below 16 channels.
    """
    match name:
        case "instance":
            return InstanceNorm(channels)
        case "batch":
            return nn.BatchNorm2d(channels)
        case "group":
            return GroupNorm(math.gcd(channels, max(1, channels // 16)), channels)
        case "none":
            return nn.Identity()


def has_bias(norm: NormName) -> bool:
    """Whether a convolution before this norm needs a bias: true for `none`, redundant otherwise."""
    return norm == "none"


SPREAD = 0.02


def initialize_weights(network: nn.Module, keeps_variance: bool = False) -> None:
    """Convolutions from N(0, 0.02²), batch norms from N(1, 0.02²): Isola et al. 2017, 6.2.

    With `keeps_variance`, He initialization for leaky ReLU of slope 0.2 (He et al. 2015): without
    norms, activations would shrink from layer to layer. Linear layers as convolutions, biases 0.
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
