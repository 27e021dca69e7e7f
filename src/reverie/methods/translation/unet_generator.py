"""U-Net generator of pix2pix: one level per downsampling, skip connections at each resolution.

Isola et al. 2017, appendix 6.1.1. Levels are nested as in the reference PyTorch code, so that its
weight files load unchanged. The receptive field of the bottleneck is the whole image.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reverie.core.errors import UserError
from reverie.core.image_io import with_luma_of
from reverie.core.image_size import ImageSize, Size
from reverie.nn.dropout import Dropout
from reverie.nn.norms import NormName, has_bias, norm_layer

MOST_LEVELS = 8


def unet_levels(image_size: ImageSize) -> int:
    """Number of downsamplings for an image size: 8 at 256 pixels, 5 at 32 or 96×64, 8 at most.

    Raises:
        UserError: if a side is not a multiple of 4.
    """
    size, levels = Size.of(image_size), 0
    while levels < MOST_LEVELS and all(side % 2 ** (levels + 1) == 0 for side in size):
        levels += 1
    if levels < 2:
        raise UserError(
            f"a U-Net downsamples at least twice, which images of {size} do not allow: use an "
            "--image-size of multiples of 4, best powers of 2."
        )
    return levels


class Level(nn.Module):
    """One U-Net level: downsample, inner levels, upsample, concatenated with the input (skip)."""

    def __init__(
        self,
        outer: int,
        inner: int,
        norm: NormName,
        below: "Level | None",
        *,
        inputs: int | None = None,
        dropout: bool = False,
    ) -> None:
        super().__init__()
        self.outermost = inputs is not None
        # Biases as in the reference code: without effect before an instance norm.
        live = norm != "batch"
        down = nn.Conv2d(inputs or outer, inner, 4, 2, 1, bias=live)
        if self.outermost:
            assert below is not None
            up = nn.ConvTranspose2d(2 * inner, outer, 4, 2, 1)
            layers: list[nn.Module] = [down, below, nn.ReLU(), up, nn.Tanh()]
        elif below is None:
            up = nn.ConvTranspose2d(inner, outer, 4, 2, 1, bias=has_bias(norm))
            layers = [nn.LeakyReLU(0.2), down, nn.ReLU(), up, norm_layer(norm, outer)]
        else:
            down = nn.Conv2d(outer, inner, 4, 2, 1, bias=has_bias(norm))
            up = nn.ConvTranspose2d(2 * inner, outer, 4, 2, 1, bias=has_bias(norm))
            layers = [nn.LeakyReLU(0.2), down, norm_layer(norm, inner), below]
            layers += [nn.ReLU(), up, norm_layer(norm, outer)]
            layers += [Dropout(0.5)] if dropout else []
        self.model = nn.Sequential(*layers)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c2 h w"]:
        y = self.model(x)
        return y if self.outermost else torch.cat([x, y], dim=1)


class UNetGenerator(nn.Module):
    """U-Net from an image in [-1, 1] to an image of the same size in [-1, 1].

    Args:
        inputs, outputs: channels of the input and the output image.
        width: channels after the first downsampling; doubled in each level, up to eightfold.
        levels: number of downsamplings; height and width must be multiples of 2 ** `levels`.
        norm: normalization after every convolution but the first, the innermost and the last.
        dropout: dropout (p = 0.5) in the inner levels of full width.
        keeps_luma: give the output the input's luma, so that only colours are generated; RGB alone.
    """

    contiguous_memory = True

    def __init__(
        self,
        inputs: int,
        outputs: int,
        width: int = 64,
        levels: int = 8,
        norm: NormName = "batch",
        dropout: bool = True,
        keeps_luma: bool = False,
    ) -> None:
        super().__init__()
        self.inputs, self.outputs, self.width, self.depth = inputs, outputs, width, levels
        self.norm: NormName = norm
        self.dropout, self.keeps_luma = dropout, keeps_luma
        self.multiple = 2**levels
        widths = [width * min(2**n, 8) for n in range(levels)]
        now = Level(widths[-2], widths[-1], norm, None)
        for number in range(levels - 2, 0, -1):
            inner = widths[number - 1] == widths[number]
            now = Level(widths[number - 1], widths[number], norm, now, dropout=dropout and inner)
        self.model = Level(outputs, widths[0], norm, now, inputs=inputs)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c2 h w"]:
        y = self.model(x.contiguous())
        return with_luma_of(y, x) if self.keeps_luma else y
