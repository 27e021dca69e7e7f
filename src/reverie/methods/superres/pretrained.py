"""A network that enlarges, trained elsewhere and read from a file of weights."""

from dataclasses import dataclass

from torch import nn

from reverie.core.errors import UserError
from reverie.data import ImageSpec
from reverie.methods.base import Method, Phase
from reverie.methods.options import MethodOptions
from reverie.methods.superres.families import build_upscaler, family_of
from reverie.methods.superres.networks import Upscaler, UpscalerConfig
from reverie.methods.superres.weights import SpandrelNetwork


@dataclass(frozen=True, kw_only=True)
class PretrainedUpscalerOptions(MethodOptions):
    """The network that a file of weights was found to hold."""

    network: str
    """Which of the families."""
    scale: int
    """How many times larger."""
    width: int
    """Channels inside."""
    blocks: int
    """How many of what it repeats."""
    growth: int = 32
    """RRDBNet: channels that each convolution of a dense block adds."""
    norm: bool = True
    """SRResNet: whether it has batch norm."""


class ExternalUpscaler(Method):
    """What both kinds of network from elsewhere are."""

    data_kind = "degraded"
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


class PretrainedUpscaler(ExternalUpscaler):
    """One network that enlarges."""

    Options = PretrainedUpscalerOptions
    about = "a network that enlarges, whose weights were trained elsewhere"
    feature_network = "generator"

    def __init__(self, options: PretrainedUpscalerOptions, spec: ImageSpec) -> None:
        super().__init__(options, spec)
        o = options
        config = UpscalerConfig(spec.channels, o.scale, o.width, o.blocks, o.growth, o.norm)
        self.generator = build_upscaler(o.network, config)

    @staticmethod
    def of(network: Upscaler) -> "PretrainedUpscaler":
        """The method around a network."""
        config = network.config
        options = PretrainedUpscalerOptions(
            network=family_of(network),
            scale=config.scale,
            width=config.width,
            blocks=config.blocks,
            growth=config.growth,
            norm=config.norm,
        )
        method = PretrainedUpscaler(options, ImageSpec(network.channels, 128))
        method.generator.load_state_dict(network.state_dict())
        return method.eval().requires_grad_(False)


class SpandrelUpscaler(ExternalUpscaler):
    """One network that enlarges and is built by another package."""

    Options = MethodOptions
    about = "a network that enlarges, of another package"
    feature_network = "generator"

    @staticmethod
    def of(network: SpandrelNetwork) -> "SpandrelUpscaler":
        """The method around a network."""
        method = SpandrelUpscaler(MethodOptions(), ImageSpec(network.channels, 128))
        method.generator = network
        return method.eval().requires_grad_(False)  # type: ignore[return-value]
