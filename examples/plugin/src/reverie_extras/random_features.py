"""Convolutions with random weights, always the same: edges and textures without a weight file."""

import torch
from torch import nn

from reverie.core.rng import DrawsFrom
from reverie.nn.backbones.backbone import BackboneSpec, to_rgb


def build() -> nn.Module:
    """Three strided convolutions with ReLU, in eval mode."""
    with DrawsFrom(torch.Generator().manual_seed(0)):
        layers: list[nn.Module] = []
        for inputs, outputs in ((3, 16), (16, 32), (32, 64)):
            layers += [nn.Conv2d(inputs, outputs, 5, 2, 2), nn.ReLU()]
        return nn.Sequential(*layers).eval().requires_grad_(False)


RANDOM_FEATURES = BackboneSpec(
    build=build,
    preprocess=to_rgb,
    needs_file=False,
    default_layers=("5",),
    content_layers=("1", "3"),
)
