"""Super-resolution networks: SRResNet, RRDBNet, SRVGGNetCompact and MSRResNet (SPAN: span.py).

All map images in [-1, 1] to images in [-1, 1], `scale` times as large; internally they compute in
[0, 1], as published weights expect. Layers are named as in the published weight files, so that
these load unchanged. `receptive_radius` is the largest distance, in input pixels, over which an
output pixel depends on the input.
"""

import copy
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from reverie.core.errors import UserError
from reverie.nn.fuse import fuse_for_inference, replace_layer
from reverie.nn.prelu import fastest_prelu

Scale = Literal[2, 3, 4, 8]
SCALES = get_args(Scale)
PROBE_SIZE = 16


@dataclass(frozen=True)
class UpscalerConfig:
    """What a network is built from; a family ignores what it has no use for."""

    channels: int
    """Channels of the images, in and out."""
    scale: int
    """Scale factor."""
    width: int
    """Channels of the feature maps."""
    blocks: int
    """How many blocks the network repeats."""
    growth: int = 32
    """Channels that each convolution in a dense block of RRDB adds."""
    norm: bool = True
    """Batch norm in SRResNet."""


class Upscaler(nn.Module, ABC):
    """Base of all super-resolution networks: value range, scale and receptive radius.

    Args:
        channels: channels of the input and the output image.
        scale: scale factor.
        width: channels of the hidden layers.
        blocks: number of repeated blocks.
    """

    multiple = 1
    fusable = True  # consists of Sequentials of convolution, norm, activation
    supports_bfloat16 = True

    def __init__(self, channels: int, scale: int, width: int, blocks: int) -> None:
        super().__init__()
        self.channels, self.scale, self.width, self.blocks = channels, scale, width, blocks

    @classmethod
    def from_config(cls, config: UpscalerConfig) -> "Upscaler":
        """The network that a config describes, with initial weights."""
        return cls(config.channels, config.scale, config.width, config.blocks)

    @property
    def config(self) -> UpscalerConfig:
        """The config that `from_config` builds this network from."""
        return UpscalerConfig(self.channels, self.scale, self.width, self.blocks)

    @property
    @abstractmethod
    def receptive_radius(self) -> int:
        """Receptive radius in input pixels."""

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    @property
    def max_feature_scale(self) -> int:
        """Size of the largest feature maps relative to the input."""
        return self.scale

    @abstractmethod
    def upscale01(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h2 w2"]:
        """Upscaled image in [0, 1] of an image in [0, 1]."""

    def to_weight_dtype(self, x: Tensor) -> Tensor:
        """Input in the precision of the weights; the final sum stays float32."""
        return x.to(next(self.parameters()).dtype)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h2 w2"]:
        return self.upscale01(x.float() * 0.5 + 0.5).mul_(2).sub_(1)


def _steps(scale: int) -> list[int]:
    """Factors of the upsampling steps: powers of 2 in steps of ×2, ×3 in one step."""
    if scale not in SCALES:
        known = ", ".join(map(str, SCALES))
        raise UserError(f"networks upscale by {known}, not {scale}: see --scale of upscale.")
    return [3] if scale == 3 else [2] * (scale.bit_length() - 1)


class NormedBlock(nn.Module):
    """Residual block of SRResNet: conv, batch norm, PReLU, conv, batch norm, skip connection."""

    supports_gradient_checkpointing = True

    def __init__(self, width: int, norm: bool) -> None:
        super().__init__()

        def normed() -> list[nn.Module]:
            # A norm cancels a bias.
            conv = nn.Conv2d(width, width, 3, 1, 1, bias=not norm)
            return [conv, nn.BatchNorm2d(width) if norm else _Same()]

        self.layers = nn.Sequential(*normed(), nn.PReLU(), *normed())

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        return x + self.layers(x)


class _Same(nn.Identity):
    """Placeholder of a norm, so that layer names do not depend on whether there is one."""


class SRResNet(Upscaler):
    """Ledig et al. 2017, figure 4: 1,547,350 parameters at ×4 with 64 channels and 16 blocks."""

    def __init__(
        self, channels: int, scale: int, width: int = 64, blocks: int = 16, norm: bool = True
    ) -> None:
        super().__init__(channels, scale, width, blocks)
        self.first = nn.Sequential(nn.Conv2d(channels, width, 9, 1, 4), nn.PReLU())
        self.body = nn.Sequential(*(NormedBlock(width, norm) for _ in range(blocks)))
        self.after = nn.Sequential(
            nn.Conv2d(width, width, 3, 1, 1, bias=not norm),
            nn.BatchNorm2d(width) if norm else _Same(),
        )
        up: list[nn.Module] = []
        for step in _steps(scale):
            conv = nn.Conv2d(width, width * step**2, 3, 1, 1)
            up += [conv, nn.PixelShuffle(step), nn.PReLU()]
        self.up = nn.Sequential(*up)
        self.last = nn.Conv2d(width, channels, 9, 1, 4)

    @classmethod
    def from_config(cls, config: UpscalerConfig) -> "SRResNet":
        return cls(config.channels, config.scale, config.width, config.blocks, config.norm)

    @property
    def config(self) -> UpscalerConfig:
        return replace(super().config, norm=isinstance(self.after[1], nn.BatchNorm2d))

    @property
    def receptive_radius(self) -> int:
        # 9×9; two 3×3 per block; one 3×3; one 3×3 before each upsampling; 9×9 at full resolution.
        at, up = 1, 0.0
        for step in _steps(self.scale):
            up += 1 / at
            at *= step
        return math.ceil(4 + 2 * self.blocks + 1 + up + 4 / at)

    def upscale01(self, x: Tensor) -> Tensor:
        x = self.first(self.to_weight_dtype(x))
        return self.last(self.up(x + self.after(self.body(x)))).float()


class SRVGGNetCompact(Upscaler):
    """Convolutions at low resolution, pixel shuffle, added to nearest-neighbour upsampling.

    The network of Real-ESRGAN's small models, with `blocks` convolutions between the first and the
    last.
    """

    def __init__(self, channels: int, scale: int, width: int = 64, blocks: int = 16) -> None:
        super().__init__(channels, scale, width, blocks)
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 3, 1, 1), nn.PReLU(width)]
        for _ in range(blocks):
            layers += [nn.Conv2d(width, width, 3, 1, 1), nn.PReLU(width)]
        self.body = nn.Sequential(*layers, nn.Conv2d(width, channels * scale**2, 3, 1, 1))
        # He initialization preserves the variance of activations; a last layer close to 0 starts
        # the network at nearest-neighbour upsampling.
        for conv in (layer for layer in self.body if isinstance(layer, nn.Conv2d)):
            nn.init.kaiming_normal_(conv.weight, a=0.25)
            nn.init.zeros_(_bias(conv))
        last = self.body[-1]
        assert isinstance(last, nn.Conv2d)
        nn.init.normal_(last.weight, 0.0, 1e-3)

    @property
    def receptive_radius(self) -> int:
        return self.blocks + 2

    @property
    def max_feature_scale(self) -> int:
        return 1

    def upscale01(self, x: Tensor) -> Tensor:
        # pixel_shuffle of the residual + nearest-neighbour upsampling, summed in one pass.
        s, (height, width) = self.scale, x.shape[-2:]
        detail = self.body(self.to_weight_dtype(x)).unflatten(1, (self.channels, s, s))
        repeated = x[:, :, :, None, :, None]
        large = repeated + detail.permute(0, 1, 4, 2, 5, 3)
        return large.reshape(x.shape[0], self.channels, s * height, s * width)


class DenseBlock(nn.Module):
    """Residual dense block: five densely connected convolutions; residual scaling by 0.2."""

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        outputs = [growth] * 4 + [width]
        self.conv1, self.conv2, self.conv3, self.conv4, self.conv5 = (
            nn.Conv2d(width + number * growth, out, 3, 1, 1) for number, out in enumerate(outputs)
        )

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        seen = [x]
        for conv in (self.conv1, self.conv2, self.conv3, self.conv4):
            seen.append(F.leaky_relu(conv(torch.cat(seen, 1)), 0.2))
        return x + 0.2 * self.conv5(torch.cat(seen, 1))


class RRDB(nn.Module):
    """Residual-in-residual dense block: three dense blocks; residual scaling by 0.2."""

    supports_gradient_checkpointing = True

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        self.rdb1, self.rdb2, self.rdb3 = (DenseBlock(width, growth) for _ in range(3))

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        return x + 0.2 * self.rdb3(self.rdb2(self.rdb1(x)))


class RRDBNet(Upscaler):
    """ESRGAN's generator: Wang et al. 2018, 16.7 million parameters with 64 channels, 23 blocks.

    At ×2 and, in published weights, at ×1 the input is first pixel-unshuffled and then upscaled
    by 4: Wang et al. 2021.
    """

    def __init__(
        self, channels: int, scale: int, width: int = 64, blocks: int = 23, growth: int = 32
    ) -> None:
        super().__init__(channels, scale, width, blocks)
        self.growth = growth
        self.folded = {1: 4, 2: 2}.get(scale, 1)
        self.steps = [2, 2] if self.folded > 1 else _steps(scale)
        if self.steps == [3]:
            raise UserError("RRDB upscales by 2, 4 or 8: use --network srresnet for 3.")
        self.multiple = self.folded
        self.conv_first = nn.Conv2d(channels * self.folded**2, width, 3, 1, 1)
        self.body = nn.Sequential(*(RRDB(width, growth) for _ in range(blocks)))
        self.conv_body = nn.Conv2d(width, width, 3, 1, 1)
        for number in range(len(self.steps)):
            self.add_module(f"conv_up{number + 1}", nn.Conv2d(width, width, 3, 1, 1))
        self.conv_hr = nn.Conv2d(width, width, 3, 1, 1)
        self.conv_last = nn.Conv2d(width, channels, 3, 1, 1)
        for block in self.body.modules():  # small initial weights, as in the paper
            if isinstance(block, nn.Conv2d):
                nn.init.kaiming_normal_(block.weight, a=0.2)
                block.weight.data *= 0.1
                nn.init.zeros_(_bias(block))

    @classmethod
    def from_config(cls, config: UpscalerConfig) -> "RRDBNet":
        return cls(config.channels, config.scale, config.width, config.blocks, config.growth)

    @property
    def config(self) -> UpscalerConfig:
        return replace(super().config, growth=self.growth)

    @property
    def receptive_radius(self) -> int:
        # Each upsampling halves the radius of a 3×3; the last two are at full resolution.
        return self.folded * (1 + 15 * self.blocks + 1 + 2 + 1)

    def upscale01(self, x: Tensor) -> Tensor:
        if self.folded > 1:
            x = F.pixel_unshuffle(x, self.folded)
        x = self.conv_first(self.to_weight_dtype(x))
        x = x + self.conv_body(self.body(x))
        for number in range(len(self.steps)):
            x = F.interpolate(x, scale_factor=2, mode="nearest")
            x = F.leaky_relu(getattr(self, f"conv_up{number + 1}")(x), 0.2)
        return self.conv_last(F.leaky_relu(self.conv_hr(x), 0.2)).float()


class PlainBlock(nn.Module):
    """Residual block without batch norm: conv, ReLU, conv, skip connection."""

    supports_gradient_checkpointing = True

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = (nn.Conv2d(width, width, 3, 1, 1) for _ in range(2))

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        return x + self.conv2(F.relu(self.conv1(x)))


class MSRResNet(Upscaler):
    """SRResNet without batch norm by ESRGAN's authors, added to bilinear upsampling."""

    def __init__(self, channels: int, scale: int, width: int = 64, blocks: int = 16) -> None:
        super().__init__(channels, scale, width, blocks)
        self.conv_first = nn.Conv2d(channels, width, 3, 1, 1)
        self.body = nn.Sequential(*(PlainBlock(width) for _ in range(blocks)))
        self.steps = _steps(scale)
        for number, step in enumerate(self.steps):
            conv = nn.Conv2d(width, width * step**2, 3, 1, 1)
            self.add_module(f"upconv{number + 1}", conv)
        self.conv_hr = nn.Conv2d(width, width, 3, 1, 1)
        self.conv_last = nn.Conv2d(width, channels, 3, 1, 1)

    @property
    def receptive_radius(self) -> int:
        return 1 + 2 * self.blocks + len(self.steps) + 1  # conv_hr and conv_last at full resolution

    def upscale01(self, x: Tensor) -> Tensor:
        base = F.interpolate(x, scale_factor=self.scale, mode="bilinear")
        x = self.body(F.leaky_relu(self.conv_first(self.to_weight_dtype(x)), 0.1))
        for number, step in enumerate(self.steps):
            up = getattr(self, f"upconv{number + 1}")
            x = F.leaky_relu(F.pixel_shuffle(up(x), step), 0.1)
        return self.conv_last(F.leaky_relu(self.conv_hr(x), 0.1)).float() + base


def _bias(conv: nn.Conv2d) -> Tensor:
    assert conv.bias is not None
    return conv.bias


def fuse_upscaler(network: Upscaler, precision: torch.dtype) -> Upscaler:
    """A copy for inference: norms folded into convolutions, fast PReLU, channels last."""
    if not network.fusable:
        own = copy.deepcopy(network).eval().requires_grad_(False)
        return own.to(precision).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def probe(own: Upscaler) -> None:
        own(torch.zeros(1, own.channels, PROBE_SIZE, PROBE_SIZE, device=network.device))

    own = fuse_for_inference(network, probe, precision)
    for name, layer in list(own.named_modules()):
        if isinstance(layer, nn.PReLU):
            replace_layer(own, name, fastest_prelu(layer, precision))
    return own
