"""Content loss: perceptual distance of feature maps."""

import torch
from torch import Tensor

from reverie.nn.backbones.backbone import Backbone
from reverie.nn.losses import normalized_feature_distance


def content_difference(backbone: Backbone, made: Tensor, real: Tensor) -> Tensor:
    """Content loss: squared distance of normalized feature maps, averaged over layers.

    LPIPS (Zhang et al. 2018) without its learned weights. Features are normalized over channels,
    unlike the content loss of SRGAN (Ledig et al. 2017), so that layers have comparable scales.

    Args:
        backbone: pretrained network; its layers are `CONTENT_LAYERS`.
        made: generated images [B, C, H, W] in [-1, 1]; the gradient passes through them.
        real: target images of the same shape.
    """
    layers = backbone.content_layers
    backbone.to(made.device)
    mine = backbone.activations(made, layers)
    with torch.no_grad():
        theirs = backbone.activations(real, layers)
    parts = [
        normalized_feature_distance(mine[layer].float(), theirs[layer].float()).mean()
        for layer in layers
    ]
    return torch.stack(parts).mean()
