"""A convolutional network that finds the latent of a picture."""

import math

from torch import nn

from reverie.core.errors import UserError
from reverie.nn.norms import norm_layer


def conv_encoder(channels: int, image_size: int, width: int, outputs: int) -> nn.Sequential:
    """Pictures [B, C, S, S] to latents [B, D]: halvings down to 4 pixels or less, one linear layer.

    Args:
        channels: of the pictures.
        image_size: their side.
        width: channels of the first convolution; each halving doubles them, up to eight times.
        outputs: length of a latent.
    """
    layers: list[nn.Module] = [nn.Conv2d(channels, width, 3, 1, 1), nn.LeakyReLU(0.2)]
    now, side = width, image_size
    while side > 4:
        then = min(2 * now, 8 * width)
        layers += [nn.Conv2d(now, then, 4, 2, 1), norm_layer("group", then), nn.LeakyReLU(0.2)]
        now, side = then, side // 2
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(now * side * side, outputs))


def downsampling_levels(image_size: int) -> tuple[int, int]:
    """How often a picture's side is halved, and what is left: 64 is (4, 4), 28 is (2, 7).

    Raises:
        UserError: if these networks cannot make pictures of that size.
    """
    if image_size == 28:
        return 2, 7
    levels = int(math.log2(image_size)) if image_size > 0 else 0
    if image_size != 2**levels or not 16 <= image_size <= 256:
        raise UserError(
            f"a DCGAN makes pictures of 16, 28, 32, 64, 128 or 256 pixels, not {image_size}: "
            "choose one with --image-size."
        )
    return levels - 2, 4
