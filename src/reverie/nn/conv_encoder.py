"""A convolutional encoder from images to latents."""

import math

from torch import nn

from reverie.core.errors import UserError
from reverie.nn.norms import norm_layer


def conv_encoder(channels: int, image_size: int, width: int, outputs: int) -> nn.Sequential:
    """Encoder from images [B, C, S, S] to latents [B, D].

    Strided convolutions down to a side of 4 pixels or less, then one linear layer.

    Args:
        channels: image channels C.
        image_size: side S of the images, in pixels.
        width: channels of the first convolution; each downsampling doubles them, up to 8 × `width`.
        outputs: length D of a latent.
    """
    layers: list[nn.Module] = [nn.Conv2d(channels, width, 3, 1, 1), nn.LeakyReLU(0.2)]
    now, side = width, image_size
    while side > 4:
        then = min(2 * now, 8 * width)
        layers += [nn.Conv2d(now, then, 4, 2, 1), norm_layer("group", then), nn.LeakyReLU(0.2)]
        now, side = then, side // 2
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(now * side * side, outputs))


def downsampling_levels(image_size: int) -> tuple[int, int]:
    """Number of 2× downsamplings and the remaining side: (4, 4) for 64 pixels, (2, 7) for 28.

    Raises:
        UserError: if the networks do not support this image size.
    """
    if image_size == 28:
        return 2, 7
    levels = int(math.log2(image_size)) if image_size > 0 else 0
    if image_size != 2**levels or not 16 <= image_size <= 256:
        raise UserError(
            f"a DCGAN generates images of 16, 28, 32, 64, 128 or 256 pixels, not {image_size}: "
            "choose one with --image-size."
        )
    return levels - 2, 4
