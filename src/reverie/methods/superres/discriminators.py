"""Discriminators of super-resolution: SRGAN's single logit and a U-Net's logit for each pixel."""

from itertools import pairwise
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

DiscriminatorKind = Literal["single", "unet"]
POOLED = 6
"""Spatial size before the linear layers: the paper's crops of 96 pixels after stride 16."""


class SRDiscriminator(nn.Module):
    """SRGAN's discriminator, one logit per image: Ledig et al. 2017, figure 4.

    Eight convolutions, every second of stride 2, then two linear layers.

    Args:
        channels: channels of the image.
        width: channels of the first layer; doubled three times.
    """

    def __init__(self, channels: int, width: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 3, 1, 1), nn.LeakyReLU(0.2)]
        now = width
        for number in range(1, 8):
            outputs = width * 2 ** (number // 2)
            stride = 2 if number % 2 else 1
            layers += [nn.Conv2d(now, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs)]
            layers.append(nn.LeakyReLU(0.2))
            now = outputs
        self.features = nn.Sequential(*layers)
        self.verdict = nn.Sequential(
            nn.AdaptiveAvgPool2d(POOLED),
            nn.Flatten(),
            nn.Linear(now * POOLED**2, 16 * width),
            nn.LeakyReLU(0.2),
            nn.Linear(16 * width, 1),
        )

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b 1"]:
        return self.verdict(self.features(x))


class UNetDiscriminator(nn.Module):
    """U-Net with skip connections and one logit per pixel: Wang et al. 2021 (Real-ESRGAN), 3.3.

    Its judgement of each pixel tells the generator where an image is wrong; spectral normalization
    keeps the gradient bounded without statistics of the batch.

    Args:
        channels: channels of the image.
        width: channels at full resolution, doubled at each of three downsamplings.
    """

    def __init__(self, channels: int, width: int = 64) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(4)]
        self.first = nn.Conv2d(channels, width, 3, 1, 1)
        self.down = nn.ModuleList(
            spectral_norm(nn.Conv2d(*pair, 4, 2, 1, bias=False)) for pair in pairwise(widths)
        )
        self.up = nn.ModuleList(
            spectral_norm(nn.Conv2d(*pair, 3, 1, 1, bias=False)) for pair in pairwise(widths[::-1])
        )
        self.refine = nn.ModuleList(
            spectral_norm(nn.Conv2d(width, width, 3, 1, 1, bias=False)) for _ in range(2)
        )
        self.last = nn.Conv2d(width, 1, 3, 1, 1)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b 1 h w"]:
        levels = [F.leaky_relu(self.first(x), 0.2)]
        for down in self.down:
            levels.append(F.leaky_relu(down(levels[-1]), 0.2))
        x = levels.pop()
        for up in self.up:
            skip = levels.pop()
            x = F.interpolate(x, skip.shape[-2:], mode="bilinear", align_corners=False)
            x = F.leaky_relu(up(x), 0.2) + skip
        for refine in self.refine:
            x = F.leaky_relu(refine(x), 0.2)
        return self.last(x)


def discriminator(kind: DiscriminatorKind, channels: int, width: int) -> nn.Module:
    """The discriminator of a kind."""
    return (UNetDiscriminator if kind == "unet" else SRDiscriminator)(channels, width)
