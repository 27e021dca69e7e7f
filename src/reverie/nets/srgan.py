"""The discriminator of SRGAN: Ledig et al. 2017, figure 4, freed from the size of its crops."""

from jaxtyping import Float
from torch import Tensor, nn

POOLED = 6
"""What the paper's crops of 96 pixels come to after four halvings."""


class SRDiscriminator(nn.Module):
    """Eight convolutions, every second of stride 2, two linear layers; pictures to one logit each.

    Args:
        channels: of the pictures.
        width: channels of the first layer; they double three times.
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
