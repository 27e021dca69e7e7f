"""Pretrained networks by name. A new one is one file and one line here, or an entry point."""

from dataclasses import replace
from pathlib import Path

from torch import nn

from reverie.core.errors import UserError, in_file
from reverie.core.plugins import Registry, not_a
from reverie.core.state_dict import check_fit, read_tensors
from reverie.nn.backbones.backbone import Backbone, BackboneSpec
from reverie.nn.backbones.efficientnet import EFFICIENTNET
from reverie.nn.backbones.inception import GOOGLENET, INCEPTION_V3
from reverie.nn.backbones.resnet import RESNET50
from reverie.nn.backbones.vgg import VGG16, VGG19

DEFAULT_BACKBONE = "efficientnet"

BACKBONES: Registry[BackboneSpec] = Registry(
    "backbone",
    "reverie.backbones",
    {
        "efficientnet": EFFICIENTNET,
        "vgg16": VGG16,
        "vgg19": VGG19,
        "resnet50": RESNET50,
        "inception_v3": INCEPTION_V3,
        "googlenet": GOOGLENET,
    },
    not_a(BackboneSpec),
)


def find_backbone(name: str, weights: Path | None = None) -> Backbone:
    """The pretrained network called `name`, in eval mode.

    Args:
        name: one of `BACKBONES`.
        weights: torchvision's file of its weights, where they do not come with a package.

    Raises:
        UserError: if there is no such network, or its weights are missing or do not fit.
    """
    spec = BACKBONES.find(name)
    backbone = Backbone(
        name,
        spec.build(),
        spec.preprocess,
        default_layers=spec.default_layers,
        content_layers=spec.content_layers,
    )
    if not spec.needs_file:
        return backbone
    if weights is None:
        raise UserError(
            f"{name} needs torchvision's weights, which do not come with reverie: give their file "
            f"with --weights {name}.pth, or use {DEFAULT_BACKBONE}."
        )
    return replace(backbone, network=_with_weights(backbone.network, weights, name))


def _with_weights(network: nn.Module, path: Path, name: str) -> nn.Module:
    tensors, mine = read_tensors(path), network.state_dict()
    own = {key: tensor for key, tensor in tensors.items() if key in mine}
    with in_file(path, f"These are not the weights of {name}."):
        check_fit(own, mine)
    network.load_state_dict(own)
    return network.eval().requires_grad_(False)
