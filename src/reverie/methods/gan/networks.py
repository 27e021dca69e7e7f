"""The convolutional generator and discriminator of DCGAN, with later variants as options.

Radford et al. 2015: no pooling, no hidden linear layers, downsampling by strided and upsampling by
transposed convolutions, batch norm except at the generator's output and the discriminator's input.
Options: resize-convolutions, conditional batch norm (Dumoulin et al. 2017), spectral norm, no norm
in the discriminator.
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from reverie.nn.conv_encoder import downsampling_levels

Upsampling = Literal["transposed", "nearest"]


class ConditionalNorm(nn.Module):
    """Conditional batch norm: scale and shift are linear functions of a vector [B, D]."""

    def __init__(self, channels: int, condition_size: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.modulation = nn.Linear(condition_size, 2 * channels)

    def forward(
        self, x: Float[Tensor, "b c h w"], condition: Float[Tensor, "b d"]
    ) -> Float[Tensor, "b c h w"]:
        scale, shift = self.modulation(condition)[..., None, None].chunk(2, dim=1)
        return self.norm(x) * (1 + scale) + shift


class Generator(nn.Module):
    """Generator from latents [B, D] to images [B, C, S, S] in [-1, 1].

    Args:
        latent_size: length of the latent vector.
        channels, image_size: channels C and side S of the images.
        width: channels before the last layer; each lower resolution has twice as many.
        upsampling: `transposed` convolutions, or `nearest` resizing and a 3×3 convolution, which
            avoids checkerboard artifacts.
        condition_size: length of the vector of conditional batch norm; 0 for plain batch norm.
    """

    def __init__(
        self,
        latent_size: int,
        channels: int,
        image_size: int,
        width: int,
        upsampling: Upsampling = "transposed",
        condition_size: int = 0,
    ) -> None:
        super().__init__()
        levels, base = downsampling_levels(image_size)
        widths = [width * 2**level for level in reversed(range(levels))]
        self.stem = nn.ConvTranspose2d(latent_size, widths[0], base, bias=False)
        pairs = list(zip(widths, [*widths[1:], channels], strict=True))
        self.norms = nn.ModuleList(
            ConditionalNorm(w, condition_size) if condition_size else nn.BatchNorm2d(w)
            for w in widths
        )
        self.ups = nn.ModuleList(
            _up(inputs, outputs, upsampling, bias=outputs == channels) for inputs, outputs in pairs
        )
        init_dcgan(self)

    def forward(
        self, latents: Float[Tensor, "b d"], condition: Float[Tensor, "b k"] | None = None
    ) -> Float[Tensor, "b c h w"]:
        x = self.stem(latents[:, :, None, None])
        for norm, up in zip(self.norms, self.ups, strict=True):
            x = norm(x) if condition is None else norm(x, condition)
            x = up(torch.relu(x))
        return torch.tanh(x)


def _up(inputs: int, outputs: int, upsampling: Upsampling, bias: bool) -> nn.Module:
    if upsampling == "transposed":
        return nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=bias)
    return nn.Sequential(
        nn.Upsample(scale_factor=2), nn.Conv2d(inputs, outputs, 3, 1, 1, bias=bias)
    )


class Discriminator(nn.Module):
    """Discriminator from images [B, C, S, S] to one logit each.

    Args:
        channels, image_size: channels C and side S of the images.
        width: channels after the first layer, doubled at each downsampling.
        norm: `batch` as in the paper (except in the first layer), or `none`.
        spectral: spectral normalization of every convolution (Miyato et al. 2018).
    """

    def __init__(
        self,
        channels: int,
        image_size: int,
        width: int,
        norm: Literal["batch", "none"] = "batch",
        spectral: bool = False,
    ) -> None:
        super().__init__()
        levels, base = downsampling_levels(image_size)
        if image_size == 28:  # a third level, 7 to 3: with two, the receptive field is 10 pixels
            levels, base = 3, 3
        widths = [width * 2**level for level in range(levels)]
        layers: list[nn.Module] = []
        for index, (inputs, outputs) in enumerate(
            zip([channels, *widths[:-1]], widths, strict=True)
        ):
            normed = norm == "batch" and index > 0
            layers.append(nn.Conv2d(inputs, outputs, 4, 2, 1, bias=not normed))
            if normed:
                layers.append(nn.BatchNorm2d(outputs))
            layers.append(nn.LeakyReLU(0.2))
        self.body = nn.Sequential(*layers)
        self.head = nn.Conv2d(widths[-1], 1, base, bias=False)
        self.feature_count = widths[-1]
        init_dcgan(self)
        if spectral:
            for layer in self.modules():
                if isinstance(layer, nn.Conv2d):
                    spectral_norm(layer)

    def features(self, images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b f h2 w2"]:
        """Feature maps, the input of the last convolution."""
        return self.body(images)

    def forward(self, images: Float[Tensor, "b c h w"]) -> Float[Tensor, " b"]:
        return self.head(self.features(images)).flatten().float()


def init_dcgan(network: nn.Module) -> None:
    """Weights from N(0, 0.02²), batch norm's from N(1, 0.02²), biases 0: Radford et al. 2015, 4."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(module.weight, 0.0, 0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d) and module.affine:
            nn.init.normal_(module.weight, 1.0, 0.02)
            nn.init.zeros_(module.bias)
