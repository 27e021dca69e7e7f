"""Pretrained super-resolution networks, loaded from weight files of other code bases."""

from dataclasses import dataclass
from typing import Annotated

from torch import nn

from reverie.core.errors import UserError
from reverie.core.options import AtLeast, AtMost, LayerCount, LayerSize
from reverie.data import ImageSpec
from reverie.methods.base import Method, Phase
from reverie.methods.options import MethodOptions
from reverie.methods.superres.families import build_upscaler, family_of
from reverie.methods.superres.networks import Upscaler, UpscalerConfig
from reverie.methods.superres.weights import SpandrelNetwork


@dataclass(frozen=True, kw_only=True)
class PretrainedUpscalerOptions(MethodOptions):
    """Architecture of the network, inferred from the weight file."""

    network: str
    """Generator architecture: srresnet, rrdb, compact, span, or msrresnet."""
    scale: Annotated[int, AtLeast(1), AtMost(64)]
    """Scale factor."""
    width: LayerSize
    """Channels of the hidden layers."""
    blocks: LayerCount
    """Number of blocks."""
    growth: LayerSize = 32
    """RRDBNet: growth rate, the channels added by each convolution of a dense block."""
    norm: bool = True
    """SRResNet: whether it has batch norm."""


class ExternalUpscaler(Method):
    """Base of pretrained super-resolution networks; inference only."""

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
        raise UserError(
            "a pretrained network is for inference only: name it with --init to train on."
        )


class PretrainedUpscaler(ExternalUpscaler):
    """Pretrained network of one of reverie's own families."""

    Options = PretrainedUpscalerOptions
    about = "pretrained super-resolution network, for inference only"
    feature_network = "generator"

    def __init__(self, options: PretrainedUpscalerOptions, spec: ImageSpec) -> None:
        super().__init__(options, spec)
        o = options
        config = UpscalerConfig(spec.channels, o.scale, o.width, o.blocks, o.growth, o.norm)
        self.generator = build_upscaler(o.network, config)

    @staticmethod
    def of(network: Upscaler) -> "PretrainedUpscaler":
        """Method that wraps a pretrained network."""
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
    """Pretrained network of an architecture that the package spandrel implements."""

    Options = MethodOptions
    about = "pretrained super-resolution network of the package spandrel, for inference only"
    feature_network = "generator"

    @staticmethod
    def of(network: SpandrelNetwork) -> "SpandrelUpscaler":
        """Method that wraps a pretrained network."""
        method = SpandrelUpscaler(MethodOptions(), ImageSpec(network.channels, 128))
        method.generator = network
        return method.eval().requires_grad_(False)  # type: ignore[return-value]
