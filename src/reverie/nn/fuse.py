"""Networks made ready for inference: norms folded into convolutions, channels last, bfloat16."""

import copy
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from reverie.nn.backbones.backbone import Backbone

LOOK = 96


def fuse_backbone(backbone: Backbone, low: bool, keep: Sequence[str] = ()) -> Backbone:
    """The same network with norms folded into convolutions, channels last and, if `low`, bfloat16.

    Convolutions whose names are in `keep` stay as they are: someone looks at what they give.
    """
    network = copy.deepcopy(backbone.network).eval().requires_grad_(False)
    for conv, norm in _convolutions_before_norms(replace(backbone, network=network)):
        if conv not in keep:
            _put(network, conv, fuse_conv_bn_eval(
                cast(nn.Conv2d, network.get_submodule(conv)),
                cast(nn.BatchNorm2d, network.get_submodule(norm)),
            ))  # fmt: skip
            _put(network, norm, nn.Identity())
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if not low:
        return replace(backbone, network=network)
    return replace(
        backbone,
        network=network.to(torch.bfloat16),
        prepare=lambda x: backbone.prepare(x).to(torch.bfloat16),
    )


def _convolutions_before_norms(backbone: Backbone) -> list[tuple[str, str]]:
    """Names of convolutions and of the batch norms that take what they give, seen at work."""
    gave: list[tuple[Tensor, str]] = []
    pairs = []

    def after(name: str):
        return lambda module, inputs, output: gave.append((output, name))

    def before(name: str):
        def look(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            pairs.extend((conv, name) for output, conv in gave if output is inputs[0])

        return look

    hooks = []
    for name, layer in backbone.network.named_modules():
        if isinstance(layer, nn.Conv2d):
            hooks.append(layer.register_forward_hook(after(name)))
        elif isinstance(layer, nn.BatchNorm2d):
            hooks.append(layer.register_forward_pre_hook(before(name)))
    try:
        with torch.inference_mode(), suppress(RuntimeError):  # one that takes one size alone
            weight = next(backbone.network.parameters())
            look = torch.zeros(1, 3, LOOK, LOOK, device=weight.device)
            backbone.network(backbone.prepare(look).to(weight.dtype))
    finally:
        for hook in hooks:
            hook.remove()
    return pairs


def _put(network: nn.Module, name: str, layer: nn.Module) -> None:
    parent, _, own = name.rpartition(".")
    setattr(network.get_submodule(parent), own, layer)
