"""A convolutional network that finds the latent of a picture."""

from torch import nn

from reverie.nets.norms import norm_layer


def latent_finder(channels: int, image_size: int, width: int, outputs: int) -> nn.Sequential:
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
