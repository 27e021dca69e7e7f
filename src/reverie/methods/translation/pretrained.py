"""Pretrained image-to-image generator, loaded from a weight file of another code base.

It is used, saved and shared like any model; it cannot be trained further, because the file contains
neither discriminator nor optimiser state.
"""

from dataclasses import dataclass
from typing import Literal

from torch import nn

from reverie.core.errors import UserError
from reverie.core.options import Direction, LayerCount, LayerSize
from reverie.data import ImageSpec
from reverie.methods.base import Method, Phase
from reverie.methods.options import MethodOptions
from reverie.methods.translation.resnet_generator import ResNetGenerator
from reverie.methods.translation.unet_generator import UNetGenerator
from reverie.nn.norms import NormName


@dataclass(frozen=True, kw_only=True)
class PretrainedTranslatorOptions(MethodOptions):
    """Architecture of the generator, inferred from the weight file."""

    network: Literal["resnet", "unet"]
    """Generator architecture: CycleGAN's residual network, or pix2pix's U-Net."""
    outputs: LayerSize
    """Channels of the output image."""
    width: LayerSize
    """Channels of the generator at full resolution."""
    depth: LayerCount
    """Number of residual blocks, or of downsamplings of the U-Net."""
    norm: NormName
    """Normalization layers of the generator."""
    dropout: bool
    """Whether the generator has dropout layers."""


class PretrainedTranslator(Method):
    """Pretrained generator in one direction; inference only."""

    Options = PretrainedTranslatorOptions
    data_kind = "unpaired"
    averaged = ("generator",)
    directions = ("ab",)
    about = "pretrained image-to-image generator, for inference only"
    feature_network = "generator"

    def __init__(self, options: PretrainedTranslatorOptions, spec: ImageSpec) -> None:
        super().__init__(options, spec)
        o = options
        kinds = {"resnet": ResNetGenerator, "unet": UNetGenerator}
        self.generator = kinds[o.network](
            spec.channels, o.outputs, o.width, o.depth, o.norm, o.dropout
        )

    @staticmethod
    def of(network: nn.Module) -> "PretrainedTranslator":
        """Method that wraps a pretrained generator.

        Raises:
            UserError: if the network is not a generator.
        """
        if not isinstance(network, ResNetGenerator | UNetGenerator):
            raise UserError(
                f"these are the weights of a {type(network).__name__}, which is a discriminator: "
                "load the weights of a generator."
            )
        kind = "resnet" if isinstance(network, ResNetGenerator) else "unet"
        options = PretrainedTranslatorOptions(
            network=kind,
            outputs=network.outputs,
            width=network.width,
            depth=network.depth,
            norm=network.norm,
            dropout=network.dropout,
        )
        method = PretrainedTranslator(options, ImageSpec(network.inputs, 256))
        method.generator.load_state_dict(network.state_dict())
        return method.eval().requires_grad_(False)  # type: ignore[return-value]

    def phases(self) -> tuple[Phase, ...]:
        raise UserError("a pretrained generator is for inference only: train a cyclegan instead.")

    def translator(self, direction: Direction) -> nn.Module:
        return self.generator
