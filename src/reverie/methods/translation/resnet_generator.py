"""Residual generator of CycleGAN: two downsamplings, residual blocks, two upsamplings.

Johnson et al. 2016 and Zhu et al. 2017: c7s1-k, d2k, d4k, R4k × N, u2k, uk, c7s1-3. Layers are
named as in the reference PyTorch code, so that its weight files load unchanged.

Optional: resize-convolution instead of transposed convolution (no checkerboard artefacts);
antialiased resampling (Zhang 2019), as in CUT; a skip connection from the input to the last layers;
residual output; a learnt global affine transform; colours alone, with the input's luma.
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from reverie.core.image_io import with_luma_of
from reverie.nn.dropout import Dropout
from reverie.nn.norms import NormName, has_bias, norm_layer

INSIDE = 0.97
"""Factor on the input before atanh with `residual`: keeps atanh finite at ±1."""


Resampling = Literal["transposed", "nearest", "antialiased"]


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions with reflection padding and a skip connection."""

    supports_gradient_checkpointing = True

    def __init__(self, channels: int, norm: NormName, dropout: bool) -> None:
        super().__init__()
        bias = has_bias(norm)

        def half() -> list[nn.Module]:
            conv = nn.Conv2d(channels, channels, 3, bias=bias)
            return [nn.ReflectionPad2d(1), conv, norm_layer(norm, channels)]

        between = [nn.ReLU(), *([Dropout(0.5)] if dropout else [])]
        self.conv_block = nn.Sequential(*half(), *between, *half())

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        return x + self.conv_block(x)


class Blur(nn.Module):
    """Antialiased downsampling by 2 with the binomial filter [1, 2, 1] / 4: Zhang 2019."""

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h2 w2"]:
        line = torch.tensor([0.25, 0.5, 0.25], device=x.device, dtype=x.dtype)
        kernel = torch.outer(line, line).expand(x.shape[1], 1, 3, 3)
        return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), kernel, None, 2, 0, 1, x.shape[1])


class ResNetGenerator(nn.Module):
    """Residual generator from an image in [-1, 1] to an image of the same size in [-1, 1].

    Args:
        inputs, outputs: channels of the input and the output image.
        width: channels at full resolution.
        blocks: number of residual blocks, at a quarter of the resolution.
        norm: normalization after every convolution but the last.
        dropout: dropout (p = 0.5) inside the residual blocks.
        resampling: how feature maps are down- and upsampled.
        joins_input: concatenate the input to the features before two final 3×3 convolutions, which
            replace the final 7×7 convolution.
        residual: add the output to the input, initialized close to the identity; implies
            `joins_input`. The output can exceed [-1, 1] by 3 %.
        warps: apply a learnt global affine transform (six parameters, initialized as the identity)
            to the input: domains often differ in framing, which convolutions can hardly change.
        keeps_luma: give the output the input's luma, so that only colours are generated; RGB alone.
    """

    multiple = 4

    def __init__(
        self,
        inputs: int,
        outputs: int,
        width: int = 64,
        blocks: int = 9,
        norm: NormName = "instance",
        dropout: bool = False,
        resampling: Resampling = "transposed",
        joins_input: bool = False,
        residual: bool = False,
        warps: bool = False,
        keeps_luma: bool = False,
    ) -> None:
        super().__init__()
        self.inputs, self.outputs, self.width, self.depth = inputs, outputs, width, blocks
        self.norm: NormName = norm
        self.dropout, self.residual, self.keeps_luma = dropout, residual, keeps_luma
        self.joins_input = joins_input = joins_input or residual
        self.warp = nn.Parameter(torch.zeros(2, 3)) if warps else None
        bias = has_bias(norm)

        def normed(conv: nn.Module, channels: int) -> list[nn.Module]:
            return [conv, norm_layer(norm, channels), nn.ReLU()]

        layers: list[nn.Module] = [nn.ReflectionPad2d(3)]
        layers += normed(nn.Conv2d(inputs, width, 7, bias=bias), width)
        seen = [0]  # CUT's layers: input, each resolution, first and middle block
        for now in (width, 2 * width):
            stride = 1 if resampling == "antialiased" else 2
            seen.append(len(layers))
            layers += normed(nn.Conv2d(now, 2 * now, 3, stride, 1, bias=bias), 2 * now)
            layers += [Blur()] if resampling == "antialiased" else []
        self.seen = tuple(dict.fromkeys([*seen, len(layers), len(layers) + blocks // 2]))
        layers += [ResidualBlock(4 * width, norm, dropout) for _ in range(blocks)]
        for now in (4 * width, 2 * width):
            if resampling == "transposed":
                up = nn.ConvTranspose2d(now, now // 2, 3, 2, 1, output_padding=1, bias=bias)
            else:
                mode = "nearest" if resampling == "nearest" else "bilinear"
                layers.append(nn.Upsample(scale_factor=2, mode=mode))
                up = nn.Conv2d(now, now // 2, 3, 1, 1, bias=bias)
            layers += normed(up, now // 2)
        if not joins_input:
            layers += [nn.ReflectionPad2d(3), nn.Conv2d(width, outputs, 7), nn.Tanh()]
        self.model = nn.Sequential(*layers)
        if joins_input:
            self.head = nn.Sequential(
                nn.Conv2d(width + inputs, width, 3, 1, 1),
                nn.ReLU(),
                nn.Conv2d(width, outputs, 3, 1, 1),
            )

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c2 h w"]:
        x = self._warped(x)
        y = self._generated(x)
        return with_luma_of(y, x) if self.keeps_luma else y

    def _generated(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c2 h w"]:
        y = self.model(x)
        if not self.joins_input:
            return y
        y = self.head(torch.cat([y, x], dim=1))
        if not self.residual:
            return y.tanh()
        # The sum is taken before tanh, so small residuals leave saturated pixels unchanged.
        return (y + (INSIDE * x.clamp(-1, 1)).atanh()).tanh() / INSIDE

    def _warped(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        if self.warp is None:
            return x
        theta = torch.eye(2, 3, device=x.device) + self.warp
        if torch.compiler.is_exporting():  # affine_grid would fix height and width
            down, across = ((2 * torch.arange(n) + 1) / n - 1 for n in x.shape[-2:])
            grid = across[:, None] * theta[:, 0] + down[:, None, None] * theta[:, 1] + theta[:, 2]
            grid = grid.expand(x.shape[0], -1, -1, -1)
        else:
            grid = F.affine_grid(theta.expand(x.shape[0], 2, 3), list(x.shape), align_corners=False)
        return F.grid_sample(x.float(), grid, padding_mode="border", align_corners=False)

    def maps(self, x: Float[Tensor, "b c h w"]) -> list[Float[Tensor, "b _ _ _"]]:
        """Feature maps of the encoder half at five depths, for CUT's contrastive loss."""
        found = []
        for number, layer in enumerate(self.model):
            x = layer(x)
            if number in self.seen:
                found.append(x)
            if number == self.seen[-1]:
                break
        return found

    @property
    def receptive_radius(self) -> int:
        """Receptive radius in pixels, without the dependence through norm statistics.

        Raises:
            AttributeError: if the generator has a global affine transform, which has no finite
                receptive radius and needs the whole image.
        """
        if self.warp is not None:
            raise AttributeError("a global affine transform has no finite receptive radius")
        # 7×7; two downsamplings; blocks of two 3×3 (4 pixels each); two upsamplings; final 7×7.
        return 3 + 2 + 4 + 8 * self.depth + 8 + 4 + 3
