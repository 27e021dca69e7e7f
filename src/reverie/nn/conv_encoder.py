"""A convolutional encoder from images to latents."""

from torch import nn

from reverie.core.image_size import ImageSize, Size
from reverie.nn.norms import norm_layer


def conv_encoder(channels: int, image_size: ImageSize, width: int, outputs: int) -> nn.Sequential:
    """Encoder from images [B, C, H, W] to latents [B, D].

    Strided convolutions until the shorter side is 4 pixels or less, then one linear layer.

    Args:
        channels: image channels C.
        image_size: side of square images in pixels, or width and height.
        width: channels of the first convolution; each downsampling doubles them, up to 8 × `width`.
        outputs: length D of a latent.
    """
    layers: list[nn.Module] = [nn.Conv2d(channels, width, 3, 1, 1), nn.LeakyReLU(0.2)]
    now, size = width, Size.of(image_size)
    while min(size) > 4:
        then = min(2 * now, 8 * width)
        layers += [nn.Conv2d(now, then, 4, 2, 1), norm_layer("group", then), nn.LeakyReLU(0.2)]
        now, size = then, Size(size.width // 2, size.height // 2)
    features = now * size.width * size.height
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(features, outputs))
