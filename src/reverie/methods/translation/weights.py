"""Loading of weight files of the reference PyTorch code of CycleGAN and pix2pix.

A file is a bare state dict; the architecture is inferred from the names and shapes of its tensors.
Biases before an instance norm (cancelled by its mean subtraction) and the running statistics that
old versions stored for it are ignored: the output does not depend on them.
"""

import re
from collections.abc import Mapping

from torch import Tensor, nn

from reverie.core.errors import UserError
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
    network = _empty_network(tensors, place)
    _fill(network, tensors, place)
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


def _empty_network(tensors: Tensors, place: str) -> nn.Module:
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
    raise UserError(f"{place}: {_looks_like(tensors)}; {UNDERSTOOD}.")


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


def _fill(network: nn.Module, tensors: Tensors, place: str) -> None:
    mine = network.state_dict()
    without_use = re.compile(r"\.(running_mean|running_var|num_batches_tracked|bias)$")
    instance = any(isinstance(layer, InstanceNorm) for layer in network.modules())
    missing = [name for name in mine if name not in tensors]
    foreign = [
        name for name in tensors if name not in mine and not (instance and without_use.search(name))
    ]
    other = [n for n in mine if n in tensors and mine[n].shape != tensors[n].shape]
    if missing or foreign or other:
        name = (missing + foreign + other)[0]
        raise UserError(f"{place}: {_looks_like(tensors)}, but {name} does not fit; {UNDERSTOOD}.")
    network.load_state_dict({name: tensors[name] for name in mine})


def _looks_like(tensors: Tensors) -> str:
    """Short description of a state dict, for error messages."""
    if not tensors:
        return "the file contains no tensors"
    convolutions = _convolutions(tensors)
    count = sum(tensor.numel() for tensor in tensors.values())
    some = ", ".join(f"{n} {list(tensors[n].shape)}" for n in list(tensors)[:2])
    return (
        f"this looks like a network of {len(convolutions)} convolutions and {count:,} parameters "
        f"whose first tensors are {some}"
    )
