"""The residual generator of CycleGAN: down twice, residual blocks, up twice.

Johnson et al. 2016 and Zhu et al. 2017: c7s1-k, d2k, d4k, R4k × N, u2k, uk, c7s1-3. Layers stand
where the original PyTorch code has them, so that its files can be read as they are.

What later work and small pictures asked for: resize and convolution instead of transposed
convolutions, which leave checkerboards; antialiased resampling (Zhang 2019), as CUT has it; the
picture joined to the features before the last layers, so that what should stay need not be rebuilt.
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from reverie.nn.norms import NormName, has_bias, norm_layer

INSIDE = 0.97
"""How much of the range of tanh a picture takes where something is added to it."""


Resampling = Literal["transposed", "nearest", "antialiased"]


class ResidualBlock(nn.Module):
    """Two convolutions with reflection padding beside a shortcut."""

    def __init__(self, channels: int, norm: NormName, dropout: bool) -> None:
        super().__init__()
        bias = has_bias(norm)

        def half() -> list[nn.Module]:
            conv = nn.Conv2d(channels, channels, 3, bias=bias)
            return [nn.ReflectionPad2d(1), conv, norm_layer(norm, channels)]

        between = [nn.ReLU(), *([nn.Dropout(0.5)] if dropout else [])]
        self.conv_block = nn.Sequential(*half(), *between, *half())

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        return x + self.conv_block(x)


class Blur(nn.Module):
    """Half the size through the binomial filter 1 2 1."""

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h2 w2"]:
        line = torch.tensor([0.25, 0.5, 0.25], device=x.device, dtype=x.dtype)
        kernel = torch.outer(line, line).expand(x.shape[1], 1, 3, 3)
        return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), kernel, None, 2, 0, 1, x.shape[1])


class ResNetGenerator(nn.Module):
    """From a picture to a picture of the same size, in [-1, 1].

    Args:
        inputs, outputs: channels of the two pictures.
        width: channels at full size.
        blocks: residual blocks at a quarter of the size.
        norm: after every convolution but the last.
        dropout: of half the features inside the blocks.
        resampling: how the size changes.
        joins_input: the picture is shown again to two last 3×3 convolutions, instead of a 7×7.
        residual: what comes out is added to the picture, so that training begins near doing
            nothing; joins the input too.
        warps: the picture is first moved, zoomed and sheared as a whole, by six learnt numbers that
            begin at nothing: two looks often differ in how they fill the frame, which convolutions
            can hardly change.
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
    ) -> None:
        super().__init__()
        self.inputs, self.outputs, self.width, self.depth = inputs, outputs, width, blocks
        self.norm: NormName = norm
        self.dropout, self.residual = dropout, residual
        self.joins_input = joins_input = joins_input or residual
        self.warp = nn.Parameter(torch.zeros(2, 3)) if warps else None
        bias = has_bias(norm)

        def normed(conv: nn.Module, channels: int) -> list[nn.Module]:
            return [conv, norm_layer(norm, channels), nn.ReLU()]

        layers: list[nn.Module] = [nn.ReflectionPad2d(3)]
        layers += normed(nn.Conv2d(inputs, width, 7, bias=bias), width)
        seen = [0]  # where CUT looks: the picture, each size, the first block and the middle one
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
        y = self.model(x)
        if not self.joins_input:
            return y
        y = self.head(torch.cat([y, x], dim=1))
        if not self.residual:
            return y.tanh()
        # Added before the tanh, so that white stays white unless much is added.
        return (y + (INSIDE * x.clamp(-1, 1)).atanh()).tanh() / INSIDE

    def _warped(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        if self.warp is None:
            return x
        theta = torch.eye(2, 3, device=x.device) + self.warp
        grid = F.affine_grid(theta.expand(len(x), 2, 3), list(x.shape), align_corners=False)
        return F.grid_sample(x.float(), grid, padding_mode="border", align_corners=False)

    def maps(self, x: Float[Tensor, "b c h w"]) -> list[Float[Tensor, "b _ _ _"]]:
        """What the encoder half gives at five depths, for the contrast of CUT."""
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
        """How many pixels away from a place what it becomes can depend on, beside statistics.

        Raises:
            AttributeError: if the picture is warped, which only the whole can be.
        """
        if self.warp is not None:
            raise AttributeError("a warped picture has no reach")
        # A 7×7, two going down, two of 4 pixels each in a block, two going up, the last.
        return 3 + 2 + 4 + 8 * self.depth + 8 + 4 + 3
