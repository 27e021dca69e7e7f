"""Loading of weight files of the reference PyTorch code of CycleGAN and pix2pix.

A file is a bare state dict; the architecture is inferred from the names and shapes of its tensors.
Biases before an instance norm (cancelled by its mean subtraction) and the running statistics that
old versions stored for it are ignored: the output does not depend on them.
"""

import re
from collections.abc import Mapping

from torch import Tensor, nn

from reverie.core.errors import UserError, in_file
from reverie.core.state_dict import check_fit, without_memory
from reverie.methods.translation.patchgan import PatchDiscriminator, PixelDiscriminator
from reverie.methods.translation.resnet_generator import ResNetGenerator
from reverie.methods.translation.unet_generator import UNetGenerator
from reverie.nn.norms import InstanceNorm, NormName

Tensors = Mapping[str, Tensor]


UNDERSTOOD = (
    "generators of 6 or 9 residual blocks, U-Nets, and n-layer or pixel discriminators of the "
    "reference PyTorch code are supported, and SRResNet, RRDB and compact super-resolution "
    "networks; with the packages spandrel and torchvision, forty more architectures"
)


def network_from_state_dict(tensors: Tensors, place: str) -> nn.Module:
    """Network of a state dict, with its weights, in eval mode.

    Args:
        tensors: state dict with the names of the reference code.
        place: name of the source in error messages.

    Raises:
        UserError: if the architecture is not supported; the message describes the state dict.
    """
    with in_file(place, f"{_looks_like(tensors)}; {UNDERSTOOD}."):
        planned = without_memory(lambda: _empty_network(tensors))
        fitting = _without_unused(planned, tensors)
        check_fit(fitting, planned.state_dict())
    network = _empty_network(tensors)
    network.load_state_dict(fitting)
    return network.eval().requires_grad_(False)


def reference_name(network: nn.Module) -> str:
    """Name of a network in the options of the reference code."""
    match network:
        case ResNetGenerator():
            return f"resnet_{network.depth}blocks"
        case UNetGenerator():
            return f"unet_{network.multiple}"
        case PixelDiscriminator():
            return "pixel"
        case _:
            return "n_layers"


MOST_LAYERS = 200


def _empty_network(tensors: Tensors) -> nn.Module:
    if len(_convolutions(tensors)) > MOST_LAYERS:
        raise UserError(f"generators have {MOST_LAYERS} convolutions at most.")
    first = {name: tuple(tensors[name].shape) for name in _convolutions(tensors)}
    norm = _norm(tensors)
    shape = first.get("model.1.weight")
    if shape and shape[2:] == (7, 7):
        return _resnet(tensors, norm)
    if "model.model.0.weight" in first:
        return _unet(tensors, norm)
    shape = first.get("model.0.weight")
    if shape and shape[2:] == (4, 4):
        return PatchDiscriminator(shape[1], shape[0], len(first) - 2, norm)
    if "net.0.weight" in first:
        shape = first["net.0.weight"]
        return PixelDiscriminator(shape[1], shape[0], norm)
    raise UserError("this is no network of the reference code.")


def _resnet(tensors: Tensors, norm: NormName) -> ResNetGenerator:
    width, inputs = tensors["model.1.weight"].shape[:2]
    blocks = {n.split(".")[1] for n in tensors if ".conv_block." in n}
    second = next((n for n in tensors if n.endswith("conv_block.6.weight")), None)
    dropout = second is not None and tensors[second].ndim == 4
    last = max(_convolutions(tensors), key=lambda name: int(name.split(".")[1]))
    return ResNetGenerator(
        inputs, tensors[last].shape[0], width, len(blocks), norm, dropout, "transposed"
    )


def _unet(tensors: Tensors, norm: NormName) -> UNetGenerator:
    convolutions = _convolutions(tensors)
    width, inputs = tensors["model.model.0.weight"].shape[:2]
    outputs = tensors["model.model.3.weight"].shape[1]
    return UNetGenerator(inputs, outputs, width, len(convolutions) // 2, norm, dropout=True)


def _convolutions(tensors: Tensors) -> list[str]:
    return [name for name, tensor in tensors.items() if tensor.ndim == 4]


def _norm(tensors: Tensors) -> NormName:
    """Batch norm has weights; instance norm has at most running statistics, in old files."""
    return (
        "batch"
        if any(t.ndim == 1 and n.endswith(".weight") for n, t in tensors.items())
        else ("instance")
    )


UNUSED = re.compile(r"\.(running_mean|running_var|num_batches_tracked|bias)$")
"""Ends the names of tensors without effect before or in an instance norm."""


def _without_unused(network: nn.Module, tensors: Tensors) -> dict[str, Tensor]:
    """The tensors that a network has, and those that it should have had."""
    mine = network.state_dict()
    instance = any(isinstance(layer, InstanceNorm) for layer in network.modules())
    return {n: t for n, t in tensors.items() if n in mine or not (instance and UNUSED.search(n))}


def _looks_like(tensors: Tensors) -> str:
    """Short description of a state dict, for error messages."""
    if not tensors:
        return "The file contains no tensors"
    convolutions = _convolutions(tensors)
    count = sum(tensor.numel() for tensor in tensors.values())
    some = ", ".join(f"{n} {list(tensors[n].shape)}" for n in list(tensors)[:2])
    return (
        f"This looks like a network of {len(convolutions)} convolutions and {count:,} parameters "
        f"whose first tensors are {some}"
    )
