"""A network that enlarges, trained elsewhere and read from a file of weights."""

from dataclasses import dataclass

from torch import nn

from reverie.core.errors import UserError
from reverie.data import PictureSpec
from reverie.methods.base import Method, MethodOptions, Phase
from reverie.methods.superres.networks import (
    RRDB,
    Compact,
    Family,
    MSRResNet,
    SRResNet,
    Upscaler,
    build_upscaler,
)
from reverie.methods.superres.weights import ForeignUpscaler


@dataclass(frozen=True, kw_only=True)
class UpscalerOptions(MethodOptions):
    """The network that a file of weights was found to hold."""

    network: Family
    """Which of the families."""
    scale: int
    """How many times larger."""
    width: int
    """Channels inside."""
    blocks: int
    """How many of what it repeats."""
    growth: int = 32
    """RRDB: channels that each convolution of a dense block adds."""
    norm: bool = True
    """SRResNet: whether it has batch norm."""


class Enlarges(Method):
    """What both kinds of network from elsewhere are."""

    needs = "degraded"
    averaged = ("generator",)
    generator: Upscaler

    @property
    def scale(self) -> int:
        return self.generator.scale

    @property
    def upscaler(self) -> nn.Module:
        return self.generator

    def phases(self) -> tuple[Phase, ...]:
        raise UserError("a network from elsewhere is used, not trained: begin one with --init.")


class FromElsewhere(Enlarges):
    """One network that enlarges."""

    Options = UpscalerOptions
    about = "a network that enlarges, whose weights were trained elsewhere"

    def __init__(self, options: UpscalerOptions, spec: PictureSpec) -> None:
        super().__init__(options, spec)
        o = options
        self.generator = build_upscaler(
            o.network, spec.channels, o.scale, o.width, o.blocks, o.growth, o.norm
        )

    @staticmethod
    def of(network: Upscaler) -> "FromElsewhere":
        """The method around a network."""
        kinds: dict[type, Family] = {
            SRResNet: "srresnet", RRDB: "rrdb", Compact: "compact", MSRResNet: "msrresnet"
        }  # fmt: skip
        normed = any(isinstance(layer, nn.BatchNorm2d) for layer in network.modules())
        options = UpscalerOptions(
            network=kinds[type(network)],
            scale=network.scale,
            width=network.width,
            blocks=network.blocks,
            growth=network.growth if isinstance(network, RRDB) else 32,
            norm=normed,
        )
        method = FromElsewhere(options, PictureSpec(network.channels, 128))
        method.generator.load_state_dict(network.state_dict())
        return method.eval().requires_grad_(False)  # type: ignore[return-value]


class Foreign(Enlarges):
    """One network that enlarges and is built by another package."""

    Options = MethodOptions
    about = "a network that enlarges, of another package"

    @staticmethod
    def of(network: ForeignUpscaler) -> "Foreign":
        """The method around a network."""
        method = Foreign(MethodOptions(), PictureSpec(network.channels, 128))
        method.generator = network
        return method.eval().requires_grad_(False)  # type: ignore[return-value]
