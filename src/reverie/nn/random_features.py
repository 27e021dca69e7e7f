"""Features of a small convolutional network with fixed random weights.

A feature space for any images that needs no download and costs next to nothing. Convolutions with
random weights keep what tells images apart: their distances order sets of images by diversity much
as those of a trained network do (Naeem et al. 2020, section 5, for a random VGG).
"""

from functools import lru_cache

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

MAX_SIZE = 32
"""Larger images are downscaled to this side: finer detail does not count."""
WIDTHS, MAP_SIZE = (16, 32, 64), 4
AT_ONCE = 64


@torch.no_grad()
def random_features(images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d"]:
    """Features of images in [-1, 1] in float32, on their device; the same for the same images."""
    network = _network(images.shape[1], images.device)
    return torch.cat([_features(network, part.float()) for part in images.split(AT_ONCE)])


def _features(network: list[nn.Conv2d], x: Tensor) -> Tensor:
    scale = MAX_SIZE / max(x.shape[2:])
    if scale < 1:
        size = [max(1, round(side * scale)) for side in x.shape[2:]]
        x = F.interpolate(x, size, mode="bilinear", antialias=True)
    maps = []
    for convolution in network:
        x = F.relu(convolution(x))
        maps.append(F.adaptive_avg_pool2d(x, MAP_SIZE).flatten(1))
    return torch.cat(maps, 1)


@lru_cache(maxsize=4)
def _network(channels: int, device: torch.device) -> list[nn.Conv2d]:
    """Convolutions of stride 2 with He-initialized weights from a seed, drawn on the processor."""
    generator, layers = torch.Generator().manual_seed(0), []
    for inputs, outputs in zip((channels, *WIDTHS[:-1]), WIDTHS, strict=True):
        layer = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, device="meta")
        layer.to_empty(device="cpu")
        nn.init.kaiming_normal_(layer.weight, generator=generator)
        assert layer.bias is not None
        nn.init.normal_(layer.bias, std=0.5, generator=generator)
        layers.append(layer.requires_grad_(False).to(device))
    return layers
