"""The content loss: distances of feature maps."""

import torch
from torch import Tensor

from reverie.nn.backbones.backbone import Backbone
from reverie.nn.losses import normalized_feature_distance


def content_difference(backbone: Backbone, made: Tensor, real: Tensor) -> Tensor:
    """Mean squared distance of feature maps whose columns have length 1, averaged over layers.

    LPIPS (Zhang et al. 2018) without its learned weights. The paper's difference is not relative
    to the features' size; relative ones of several layers can be added.
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
