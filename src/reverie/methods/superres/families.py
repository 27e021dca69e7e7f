"""Families of upscaling networks by name: how to build one, and how to read one from a state dict.

A new family is one class (`networks.py` or a file of its own) and one line in `FAMILIES`, or an
entry point elsewhere. What a weight file holds is read from the names and shapes of its tensors.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from reverie.core.errors import UserError
from reverie.core.plugins import Registry, not_a
from reverie.methods.superres.networks import (
    MSRResNet,
    RRDBNet,
    SRResNet,
    SRVGGNetCompact,
    Upscaler,
    UpscalerConfig,
)
from reverie.methods.superres.span import SPAN

Tensors = Mapping[str, Tensor]

MOST_BLOCKS = 100


@dataclass(frozen=True, kw_only=True)
class UpscalerFamily:
    """One family of upscaling networks."""

    network: type[Upscaler]
    blocks: int
    """How many blocks a network has that names none."""
    signature: tuple[str, ...]
    """Names of tensors by which a state dict of the family is recognised."""
    read: Callable[[dict[str, Tensor]], Upscaler]
    """The network, with initial weights, that a state dict of the family fits."""


def build_upscaler(family: str, config: UpscalerConfig) -> Upscaler:
    """The network of a family, with initial weights.

    Raises:
        UserError: if there is no such family, or it has no such scale factor.
    """
    return FAMILIES.find(family).network.from_config(config)


def family_of(network: Upscaler) -> str:
    """The name of a network's family."""
    families = FAMILIES.available().items()
    return next(name for name, one in families if type(network) is one.network)


def _count(named: Tensors, pattern: str) -> int:
    """Number of distinct values of the pattern's group among the names.

    Raises:
        UserError: if no network is so deep.
    """
    return _refuse_deep(len({m.group(1) for m in (re.match(pattern, n) for n in named) if m}))


def _refuse_deep(blocks: int) -> int:
    if blocks > MOST_BLOCKS:
        raise UserError(f"it has {blocks} blocks, where networks have {MOST_BLOCKS} at most.")
    return blocks


def _rrdb(named: dict[str, Tensor]) -> RRDBNet:
    if "upconv1.weight" in named:
        for name in [n for n in named if n.startswith("upconv")]:
            named[name.replace("upconv", "conv_up")] = named.pop(name)
    width, inputs = named["conv_first.weight"].shape[:2]
    outputs = named["conv_last.weight"].shape[0]
    growth = named["body.0.rdb1.conv1.weight"].shape[0]
    ups = _count(named, r"conv_up(\d+)\.weight")
    folded = inputs // outputs
    scale = {4: 2, 16: 1}[folded] if folded > 1 else 2**ups
    return RRDBNet(outputs, scale, width, _count(named, r"body\.(\d+)\."), growth)


def _msrresnet(named: dict[str, Tensor]) -> MSRResNet:
    width, channels = named["conv_first.weight"].shape[:2]
    ups = _count(named, r"upconv(\d+)\.weight")
    step = math.isqrt(named["upconv1.weight"].shape[0] // width)
    return MSRResNet(channels, step**ups, width, _count(named, r"body\.(\d+)\."))


def _compact(named: dict[str, Tensor]) -> SRVGGNetCompact:
    width, channels = named["body.0.weight"].shape[:2]
    last = max(int(name.split(".")[1]) for name in named)
    scale = math.isqrt(named[f"body.{last}.weight"].shape[0] // channels)
    if scale < 1:
        raise UserError("its last layer has too few channels for any scale factor.")
    return SRVGGNetCompact(channels, scale, width, _refuse_deep(last // 2 - 1))


def _span(named: dict[str, Tensor]) -> SPAN:
    width, channels = named["first.weight"].shape[:2]
    scale = math.isqrt(named["last.weight"].shape[0] // channels)
    return SPAN(channels, scale, width, _count(named, r"attention_blocks\.(\d+)\."))


def _srresnet(named: dict[str, Tensor]) -> SRResNet:
    _flatten_steps(named)
    width, channels = named["first.0.weight"].shape[:2]
    ups = [t for n, t in named.items() if re.fullmatch(r"up\.\d+\.weight", n) and t.ndim == 4]
    scale = math.prod(math.isqrt(tensor.shape[0] // width) for tensor in ups)
    norm = "after.1.running_mean" in named
    return SRResNet(channels, scale, width, _count(named, r"body\.(\d+)\."), norm)


def _flatten_steps(named: dict[str, Tensor]) -> None:
    """Rename `upsampling.1.upsample_block.0` to `up.3`; fold a bias before a norm into its mean."""
    for name in list(named):
        step = re.fullmatch(r"upsampling\.(\d+)\.upsample_block\.(\d)\.(weight|bias)", name)
        if step:
            number, layer, what = step.groups()
            named[f"up.{3 * int(number) + int(layer)}.{what}"] = named.pop(name)
    for name in [n for n in named if n.endswith(".running_mean")]:
        norm, number = name.removesuffix(".running_mean").rsplit(".", 1)
        bias = f"{norm}.{int(number) - 1}.bias"
        if bias in named:
            named[name] = named[name] - named.pop(bias)


FAMILIES: Registry[UpscalerFamily] = Registry(
    "upscaler family",
    "reverie.upscalers",
    {
        "srresnet": UpscalerFamily(
            network=SRResNet,
            blocks=16,
            signature=("first.0.weight", "body.0.layers.0.weight", "last.weight"),
            read=_srresnet,
        ),
        "rrdb": UpscalerFamily(
            network=RRDBNet,
            blocks=23,
            signature=("conv_first.weight", "body.0.rdb1.conv1.weight", "conv_last.weight"),
            read=_rrdb,
        ),
        "compact": UpscalerFamily(
            network=SRVGGNetCompact,
            blocks=16,
            signature=("body.0.weight", "body.1.weight", "body.2.weight"),
            read=_compact,
        ),
        "msrresnet": UpscalerFamily(
            network=MSRResNet,
            blocks=16,
            signature=("conv_first.weight", "body.0.conv1.weight", "upconv1.weight"),
            read=_msrresnet,
        ),
        "span": UpscalerFamily(
            network=SPAN,
            blocks=6,
            signature=("first.weight", "attention_blocks.0.conv1.weight", "merge.weight"),
            read=_span,
        ),
    },
    not_a(UpscalerFamily),
)
