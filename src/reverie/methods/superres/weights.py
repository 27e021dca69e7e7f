"""Loading of published super-resolution weights.

Architecture, depth, width and scale factor are inferred from the names and shapes of the tensors.
The old names of RRDBNet and those of SRGAN-PyTorch's SRResNet are first mapped to the current ones.
"""

import importlib
import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from reverie.core.errors import UserError, in_file
from reverie.core.state_dict import check_fit, without_memory
from reverie.methods.superres.families import FAMILIES, UpscalerFamily
from reverie.methods.superres.networks import Upscaler

Tensors = Mapping[str, Tensor]


def build_from_state_dict(tensors: Tensors, place: str) -> Upscaler | None:
    """Network of a state dict, with its weights, in eval mode; None for unknown architectures.

    Args:
        tensors: state dict.
        place: name of the source in error messages.

    Raises:
        UserError: if the architecture is recognised, but a tensor does not fit.
    """
    named = _present_names(tensors)
    for family in FAMILIES.available().values():
        if all(name in named for name in family.signature):
            with in_file(place, UNFIT):
                network = _filled(family, named)
            return network.eval().requires_grad_(False)
    return None


UNFIT = "Weights are loaded as the original code saves them, for scales of 2, 3, 4 and 8."


def _filled(family: UpscalerFamily, named: dict[str, Tensor]) -> Upscaler:
    """The network of a family with the tensors of a state dict.

    Raises:
        UserError: if there is no such network, or a tensor does not fit.
    """
    read = dict(named)
    planned = without_memory(lambda: family.read(read))
    mine = planned.state_dict()
    counters = {
        name: torch.zeros_like(mine[name], device="cpu") for name in mine if name.endswith(COUNTER)
    }
    tensors = counters | read
    try:
        check_fit(tensors, mine)
    except UserError as error:
        raise UserError(
            f"this looks like a {type(planned).__name__} of {planned.width} channels and "
            f"{planned.blocks} blocks that upscales by {planned.scale}, but {error}"
        ) from None
    network = family.read(dict(named))
    network.load_state_dict(tensors)
    return network


COUNTER = "num_batches_tracked"
"""Ends the names of tensors that a file may lack."""


def _present_names(tensors: Tensors) -> dict[str, Tensor]:
    named = {name.removeprefix("generator."): tensor for name, tensor in tensors.items()}
    if "model.1.sub.0.RDB1.conv1.0.weight" in named:
        named = _of_first_rrdb(named)
    changed = {}
    for name, tensor in named.items():
        for pattern, present in RENAMED:
            name = re.sub(pattern, present, name)
        changed[name] = tensor
    return changed


RENAMED = (
    # ESRGAN's second release.
    (r"^RRDB_trunk\.(\d+)\.RDB(\d)\.", r"body.\1.rdb\2."),
    (r"^trunk_conv\.", "conv_body."),
    (r"^HRconv\.", "conv_hr."),
    # The SRResNet of SRGAN-PyTorch.
    (r"^trunk\.(\d+)\.rcb\.(\d)\.", r"body.\1.layers.\2."),
    (r"^conv1\.(\d)\.", r"first.\1."),
    (r"^conv2\.(\d)\.", r"after.\1."),
    (r"^conv3\.", "last."),
)


def _of_first_rrdb(named: dict[str, Tensor]) -> dict[str, Tensor]:
    """Current names of the numbered layers of ESRGAN's first release.

    After the body come the upsampling convolutions, then `conv_hr` and `conv_last`.
    """
    plain_layer = r"model\.\d+\.(weight|bias)"
    behind = sorted({int(n.split(".")[1]) for n in named if re.match(plain_layer, n)})
    ups = behind[1:-2]
    places = {behind[0]: "conv_first", behind[-2]: "conv_hr", behind[-1]: "conv_last"}
    places |= {place: f"conv_up{number}" for number, place in enumerate(ups, 1)}
    present = {}
    for name, tensor in named.items():
        block = re.match(r"model\.1\.sub\.(\d+)\.RDB(\d)\.conv(\d)\.0\.(weight|bias)", name)
        plain = re.match(r"model\.(\d+)\.(weight|bias)", name)
        if block:
            number, part, conv, what = block.groups()
            present[f"body.{number}.rdb{part}.conv{conv}.{what}"] = tensor
        elif plain:
            present[f"{places[int(plain.group(1))]}.{plain.group(2)}"] = tensor
        else:
            present[f"conv_body.{name.rsplit('.', 1)[1]}"] = tensor
    return present


UNKNOWN_REACH = 2**16
"""Stands for an unknown receptive radius, in pixels; attention can cover the whole image."""


class SpandrelNetwork(Upscaler):
    """Adapter of a spandrel model to images in [-1, 1].

    Args:
        descriptor: spandrel's `ImageModelDescriptor`, which pads the input to sizes that the
            network supports and clamps the output to [0, 1].
    """

    fusable = False
    supports_bfloat16 = False  # declared for SwinIR, whose attention mixes it with float32

    def __init__(self, descriptor: Any) -> None:
        super().__init__(descriptor.input_channels, descriptor.scale, width=64, blocks=1)
        self.multiple = descriptor.size_requirements.multiple_of
        self.network = descriptor.model
        self._descriptor = descriptor

    @property
    def receptive_radius(self) -> int:
        return UNKNOWN_REACH

    def upscale01(self, x: Tensor) -> Tensor:
        # A copy, because spandrel's inference tensors cannot be modified in place outside of it.
        return self._descriptor(self.to_weight_dtype(x)).float().clone()


def load_with_spandrel(tensors: Mapping[str, Tensor], place: str) -> SpandrelNetwork | None:
    """spandrel's network of a state dict, in eval mode; None if spandrel does not support it.

    Args:
        tensors: state dict.
        place: name of the source in error messages.

    Raises:
        UserError: if loading fails, or it is not an image-to-image network for grayscale or RGB.
    """
    try:
        spandrel: Any = importlib.import_module("spandrel")
    except (ImportError, RuntimeError):  # RuntimeError: a torchvision that does not fit torch
        return None
    try:
        descriptor = spandrel.ModelLoader().load_from_state_dict(dict(tensors))
    except spandrel.UnsupportedModelError:
        return None
    except (RuntimeError, KeyError, ValueError, IndexError, AssertionError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(f"{place}: spandrel fails to load this network: {reason}") from None
    name, inputs = descriptor.architecture.name, descriptor.input_channels
    whole = isinstance(descriptor, spandrel.ImageModelDescriptor)
    if not whole or descriptor.output_channels != inputs or inputs not in (1, 3):
        raise UserError(
            f"{place}: this is a {name}, which does not upscale grayscale or RGB images: use a "
            "super-resolution network."
        )
    return SpandrelNetwork(descriptor.eval()).eval().requires_grad_(False)
