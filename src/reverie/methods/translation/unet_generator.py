"""The U-Net generator of pix2pix: one level for each halving, skips between equal sizes.

Isola et al. 2017, appendix 6.1.1. Levels are nested as in the original PyTorch code, so that its
files can be read as they are. It sees the whole picture at its narrowest place.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reverie.core.errors import UserError
from reverie.nn.norms import NormName, has_bias, norm_layer

MOST_LEVELS = 8


def unet_levels(image_size: int) -> int:
    """As often as the side can be halved: 8 at 256, 5 at 32, and 8 at most.

    Raises:
        UserError: if that is less than twice.
    """
    levels = 0
    while levels < MOST_LEVELS and image_size % 2 ** (levels + 1) == 0:
        levels += 1
    if levels < 2:
        raise UserError(
            f"a U-Net halves the picture's side at least twice, and {image_size} cannot be: take a "
            "multiple of 4, best a power of 2."
        )
    return levels


class Level(nn.Module):
    """Down, what lies below, up; beside it the skip that joins what came in."""

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
        # The original's biases: dead before an instance norm, alive where no norm follows.
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
            layers += [nn.Dropout(0.5)] if dropout else []
        self.model = nn.Sequential(*layers)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c2 h w"]:
        y = self.model(x)
        return y if self.outermost else torch.cat([x, y], dim=1)


class UNetGenerator(nn.Module):
    """From a picture to a picture of the same size, in [-1, 1].

    Args:
        inputs, outputs: channels of the two pictures.
        width: channels after the first halving; they double up to eightfold.
        levels: halvings; sides must be multiples of 2 to the power of it.
        norm: after every convolution but the first, the innermost and the last.
        dropout: of half the features, in three inner levels.
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
    ) -> None:
        super().__init__()
        self.inputs, self.outputs, self.width, self.depth = inputs, outputs, width, levels
        self.norm: NormName = norm
        self.dropout = dropout
        self.multiple = 2**levels
        widths = [width * min(2**n, 8) for n in range(levels)]
        now = Level(widths[-2], widths[-1], norm, None)
        for number in range(levels - 2, 0, -1):
            inner = widths[number - 1] == widths[number]
            now = Level(widths[number - 1], widths[number], norm, now, dropout=dropout and inner)
        self.model = Level(outputs, widths[0], norm, now, inputs=inputs)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c2 h w"]:
        return self.model(x.contiguous())
