"""PatchGAN and pixel discriminators: Isola et al. 2017, appendix 6.1.2.

Layers are named as in the reference PyTorch code, so that its weight files load unchanged.
"""

from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from reverie.nn.norms import NormName, has_bias, norm_layer

PatchKind = Literal["patch", "patch-same", "pixel"]


class SamePadConv2d(nn.Conv2d):
    """4×4 convolution of stride 1 with "same" padding: the extra pixel at the bottom and right."""

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(F.pad(input, (1, 2, 1, 2)))


class PatchDiscriminator(nn.Module):
    """PatchGAN: one logit per overlapping patch, 70×70 pixels with three layers.

    `layers` convolutions of stride 2, one of stride 1, and one of stride 1 to the logit map.

    Args:
        inputs: channels of the image, or of the concatenated pair (conditional discriminator).
        width: channels after the first layer; doubled in each layer, up to eightfold.
        layers: convolutions of stride 2.
        norm: after every convolution but the first and the last.
        same: variant without the hidden layer of stride 1 and with "same" padding in the last
            convolution: four layers map 128×128 pixels to 8×8 logits.
        spectral: spectral normalization of each convolution.
    """

    def __init__(
        self,
        inputs: int,
        width: int = 64,
        layers: int = 3,
        norm: NormName = "instance",
        same: bool = False,
        spectral: bool = False,
    ) -> None:
        super().__init__()
        bounded = spectral_norm if spectral else _as_it_is
        stack: list[nn.Module] = [bounded(nn.Conv2d(inputs, width, 4, 2, 1)), nn.LeakyReLU(0.2)]
        now = width
        strides = [2] * (layers - 1) + ([] if same else [1])
        for number, stride in enumerate(strides, 1):
            outputs = width * min(2**number, 8)
            conv = nn.Conv2d(now, outputs, 4, stride, 1, bias=has_bias(norm))
            stack += [bounded(conv), norm_layer(norm, outputs), nn.LeakyReLU(0.2)]
            now = outputs
        last = SamePadConv2d(now, 1, 4) if same else nn.Conv2d(now, 1, 4, 1, 1)
        self.model = nn.Sequential(*stack, bounded(last))

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b 1 h2 w2"]:
        return self.model(x)


class PixelDiscriminator(nn.Module):
    """PixelGAN: one logit per pixel from three 1×1 convolutions."""

    def __init__(
        self, inputs: int, width: int = 64, norm: NormName = "instance", spectral: bool = False
    ) -> None:
        super().__init__()
        bounded = spectral_norm if spectral else _as_it_is
        self.net = nn.Sequential(
            bounded(nn.Conv2d(inputs, width, 1)),
            nn.LeakyReLU(0.2),
            bounded(nn.Conv2d(width, 2 * width, 1, bias=has_bias(norm))),
            norm_layer(norm, 2 * width),
            nn.LeakyReLU(0.2),
            bounded(nn.Conv2d(2 * width, 1, 1, bias=norm != "batch")),  # as the original's files
        )

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b 1 h w"]:
        return self.net(x)


def discriminator(
    kind: PatchKind,
    inputs: int,
    width: int,
    layers: int,
    norm: NormName,
    spectral: bool = False,
) -> nn.Module:
    """Discriminator of the given kind; arguments as of `PatchDiscriminator`."""
    if kind == "pixel":
        return PixelDiscriminator(inputs, width, norm, spectral)
    return PatchDiscriminator(inputs, width, layers, norm, kind == "patch-same", spectral)


def _as_it_is(layer: nn.Module) -> nn.Module:
    return layer
