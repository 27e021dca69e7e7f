"""The U-Net of diffusion models: residual blocks modulated by the noise level.

Ho et al. 2020 with SiLU, GroupNorm, conditioning by scale and shift (Nichol & Dhariwal 2021) and
zero-initialized output layers (EDM). A pixel-unshuffle stem (28×28×1 becomes 14×14×4) makes small
images several times cheaper at equal quality.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from reverie.nn.dropout import Dropout

GROUP_SIZE = 16


LOWEST, HIGHEST = (
    0.25,
    16.0,
)  # angular frequencies of the embedding, in radians per unit of its input


def norm(channels: int) -> nn.GroupNorm:
    """GroupNorm with gcd(channels, channels // 16) groups, and one below 16 channels."""
    return nn.GroupNorm(math.gcd(channels, max(1, channels // GROUP_SIZE)), channels)


def zeroed(layer: nn.Conv2d) -> nn.Conv2d:
    """The convolution with weights and bias initialized to zero, in place."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class Block(nn.Module):
    """Residual block of two convolutions; the condition scales and shifts the second norm."""

    supports_gradient_checkpointing = True

    def __init__(self, inputs: int, outputs: int, condition_size: int, dropout: float) -> None:
        super().__init__()
        self.norm1, self.conv1 = norm(inputs), nn.Conv2d(inputs, outputs, 3, 1, 1)
        self.modulation = nn.Linear(condition_size, 2 * outputs)
        self.norm2, self.conv2 = norm(outputs), zeroed(nn.Conv2d(outputs, outputs, 3, 1, 1))
        self.dropout = Dropout(dropout)
        same = inputs == outputs
        self.shortcut = nn.Identity() if same else nn.Conv2d(inputs, outputs, 1)

    def forward(
        self, x: Float[Tensor, "b c h w"], condition: Float[Tensor, "b k"]
    ) -> Float[Tensor, "b c2 h w"]:
        h = self.conv1(F.silu(self.norm1(x)))
        scale, shift = self.modulation(condition)[..., None, None].chunk(2, dim=1)
        h = self.norm2(h) * (1 + scale) + shift
        return self.shortcut(x) + self.conv2(self.dropout(F.silu(h)))


class Attention(nn.Module):
    """Residual self-attention over all positions."""

    supports_gradient_checkpointing = True

    def __init__(self, channels: int, head_size: int = 32) -> None:
        super().__init__()
        most = max(1, channels // head_size)
        self.heads = next(h for h in range(most, 0, -1) if channels % h == 0)
        self.norm = norm(channels)
        self.inputs = nn.Conv2d(channels, 3 * channels, 1)
        self.outputs = zeroed(nn.Conv2d(channels, channels, 1))

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        qkv = self.inputs(self.norm(x)).flatten(2)
        q, k, v = qkv.unflatten(1, (3, self.heads, -1)).unbind(1)  # [B, heads, size, positions]
        if x.device.type == "cpu":  # its backward is three times as fast as fused attention's
            weights = torch.einsum("bhci,bhcj->bhij", q * q.shape[2] ** -0.5, k).softmax(-1)
            mixed = torch.einsum("bhij,bhcj->bhci", weights, v)
        else:
            q, k, v = (each.transpose(2, 3) for each in (q, k, v))
            mixed = F.scaled_dot_product_attention(q, k, v).transpose(2, 3)
        mixed = mixed.reshape(x.shape)
        return x + self.outputs(mixed)


class UNet(nn.Module):
    """U-Net from noisy images [B, C, H, W] and a condition [B, K] to images of the same size.

    Sizes that its total stride does not divide are padded inside.

    Args:
        channels: image channels C.
        width: channels at full resolution, after the stem.
        multipliers: channel multiplier of each level; each level after the first halves the size.
        blocks: residual blocks at each level.
        attention: levels with self-attention, counted from 0 at full resolution.
        condition_size: length K of the conditioning vector of every block.
        dropout: dropout probability in residual blocks.
        patch: factor of the stem's pixel-unshuffle.
    """

    def __init__(
        self,
        channels: int,
        width: int,
        multipliers: tuple[int, ...],
        blocks: int,
        attention: tuple[int, ...],
        condition_size: int,
        dropout: float,
        patch: int,
    ) -> None:
        super().__init__()
        self.multiple = patch * 2 ** (len(multipliers) - 1)
        self.patch = patch
        widths = [width * multiplier for multiplier in multipliers]
        self.stem = nn.Conv2d(channels * patch**2, widths[0], 3, 1, 1)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()

        def level(inputs: int, outputs: int, number: int) -> nn.ModuleList:
            attends = Attention(outputs) if number in attention else nn.Identity()
            return nn.ModuleList([Block(inputs, outputs, condition_size, dropout), attends])

        now, skips = widths[0], [widths[0]]
        for number, outputs in enumerate(widths):
            if number:
                self.down.append(nn.ModuleList([nn.Conv2d(now, now, 3, 2, 1)]))
                skips.append(now)
            for _ in range(blocks):
                self.down.append(level(now, outputs, number))
                now = outputs
                skips.append(now)
        self.middle = Block(now, now, condition_size, dropout)
        for number, outputs in reversed(list(enumerate(widths))):
            for _ in range(blocks + 1):
                self.up.append(level(now + skips.pop(), outputs, number))
                now = outputs
            if number:
                self.up.append(nn.ModuleList([nn.Conv2d(now, now, 3, 1, 1)]))
        self.norm = norm(now)
        self.head = zeroed(nn.Conv2d(now, channels * patch**2, 3, 1, 1))

    def forward(
        self, x: Float[Tensor, "b c h w"], condition: Float[Tensor, "b k"]
    ) -> Float[Tensor, "b c h w"]:
        height, width = x.shape[-2:]
        bottom, right = -height % self.multiple, -width % self.multiple
        if bottom or right:  # pad to a multiple of the total stride
            x = F.pad(x, (0, right, 0, bottom), mode="replicate")
        x = self.stem(F.pixel_unshuffle(x, self.patch))
        condition = F.silu(condition)
        skips = [x]
        for step in self.down:
            x = _apply(step, x, condition)
            skips.append(x)
        x = self.middle(x, condition)
        for step in self.up:
            if _resizes(step):
                x = F.interpolate(x, scale_factor=2.0, mode="nearest")
            else:
                x = torch.cat([x, skips.pop()], dim=1)
            x = _apply(step, x, condition)
        x = F.pixel_shuffle(self.head(F.silu(self.norm(x))), self.patch)
        return x[..., :height, :width]


def _resizes(step: nn.Module) -> bool:
    return isinstance(step, nn.ModuleList) and len(step) == 1


def _apply(step: nn.Module, x: Tensor, condition: Tensor) -> Tensor:
    """A level's block and attention, or the single convolution of a change of resolution."""
    assert isinstance(step, nn.ModuleList)
    if _resizes(step):
        return step[0](x)
    block, attention = step
    return attention(block(x, condition))


class NoiseEmbedding(nn.Module):
    """Embedding of c_noise [B] as a vector [B, K]: sinusoidal features, then two linear layers.

    With `intervals` the length of an interval [B] is embedded in the same way and added; its last
    layer begins with zeros.
    """

    def __init__(self, size: int, frequencies: int = 32, *, intervals: bool = False) -> None:
        super().__init__()
        self.frequencies = frequencies
        self.layers = _two_layers(2 * frequencies, size)
        self.interval_layers = _two_layers(2 * frequencies, size) if intervals else None
        if self.interval_layers is not None:
            nn.init.zeros_(self.interval_layers[-1].weight)  # type: ignore[arg-type]
            nn.init.zeros_(self.interval_layers[-1].bias)  # type: ignore[arg-type]

    def forward(
        self, level: Float[Tensor, " b"], interval: Float[Tensor, " b"] | None = None
    ) -> Float[Tensor, "b k"]:
        embedded = self.layers(self.features(level))
        if self.interval_layers is None:
            return embedded
        length = torch.zeros_like(level) if interval is None else interval
        return embedded + self.interval_layers(self.features(length))

    def features(self, level: Float[Tensor, " b"]) -> Float[Tensor, "b f"]:
        """Cosines and sines of a number, at geometric frequencies."""
        share = torch.linspace(0, 1, self.frequencies, device=level.device)
        angles = level.float()[:, None] * (LOWEST * (HIGHEST / LOWEST) ** share)
        return torch.cat([angles.cos(), angles.sin()], dim=1)


def _two_layers(inputs: int, size: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, size), nn.SiLU(), nn.Linear(size, size))
