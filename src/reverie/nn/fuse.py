"""Inference copies of networks: norms folded into convolutions, channels last, low precision."""

import copy
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from reverie.nn.backbones.backbone import Backbone

PROBE_SIZE = 96

N = TypeVar("N", bound=nn.Module)


def fuse_for_inference(
    network: N,
    probe: Callable[[N], object],
    dtype: torch.dtype = torch.float32,
    keep: Sequence[str] = (),
) -> N:
    """A copy of a network with batch norms folded into convolutions, channels last, in `dtype`.

    Args:
        network: any network.
        probe: calls the network once, so that it shows which norm follows which convolution.
        dtype: of the copy's weights.
        keep: names of convolutions that stay as they are, since their outputs are used.
    """
    own = copy.deepcopy(network).eval().requires_grad_(False)
    for conv, norm in _convolutions_before_norms(own, lambda: probe(own)):
        if conv not in keep:
            fused = fuse_conv_bn_eval(
                cast(nn.Conv2d, own.get_submodule(conv)),
                cast(nn.BatchNorm2d, own.get_submodule(norm)),
            )
            replace_layer(own, conv, fused)
            replace_layer(own, norm, nn.Identity())
    return own.to(dtype).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def fuse_backbone(backbone: Backbone, low: bool, keep: Sequence[str] = ()) -> Backbone:
    """The same backbone for inference, in bfloat16 if `low`; see `fuse_for_inference`."""

    def probe(network: nn.Module) -> None:
        weight = next(network.parameters())
        image = torch.zeros(1, 3, PROBE_SIZE, PROBE_SIZE, device=weight.device)
        with suppress(RuntimeError):  # a network that takes one size alone
            network(backbone.prepare(image).to(weight.dtype))

    dtype = torch.bfloat16 if low else next(backbone.network.parameters()).dtype
    network = fuse_for_inference(backbone.network, probe, dtype, keep)
    if not low:
        return replace(backbone, network=network)
    return replace(
        backbone, network=network, prepare=lambda x: backbone.prepare(x).to(torch.bfloat16)
    )


def replace_layer(network: nn.Module, name: str, layer: nn.Module) -> None:
    """Put `layer` in the place of the submodule called `name`."""
    parent, _, own = name.rpartition(".")
    setattr(network.get_submodule(parent), own, layer)


def _convolutions_before_norms(
    network: nn.Module, probe: Callable[[], object]
) -> list[tuple[str, str]]:
    """Names of convolutions, each with the batch norm that takes its output."""
    outputs: list[tuple[Tensor, str]] = []
    pairs = []

    def after(name: str):
        return lambda module, inputs, output: outputs.append((output, name))

    def before(name: str):
        def match(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            pairs.extend((conv, name) for output, conv in outputs if output is inputs[0])

        return match

    hooks = []
    for name, layer in network.named_modules():
        if isinstance(layer, nn.Conv2d):
            hooks.append(layer.register_forward_hook(after(name)))
        elif isinstance(layer, nn.BatchNorm2d):
            hooks.append(layer.register_forward_pre_hook(before(name)))
    try:
        with torch.inference_mode():
            probe()
    finally:
        for hook in hooks:
            hook.remove()
    return pairs
