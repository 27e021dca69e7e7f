"""A translator that was trained elsewhere: one generator, read from a file of weights.

It is used, saved and shared like any model; it cannot be trained on, since its discriminator and
optimiser are not there.
"""

from dataclasses import dataclass
from typing import Literal

from torch import nn

from reverie.core.errors import UserError
from reverie.data import ImageSpec
from reverie.methods.base import Direction, Method, Phase
from reverie.methods.options import MethodOptions
from reverie.methods.translation.resnet_generator import ResNetGenerator
from reverie.methods.translation.unet_generator import UNetGenerator
from reverie.nn.norms import NormName


@dataclass(frozen=True, kw_only=True)
class PretrainedTranslatorOptions(MethodOptions):
    """The generator that a file of weights was found to hold."""

    network: Literal["resnet", "unet"]
    """CycleGAN's residual network, or pix2pix's U-Net."""
    outputs: int
    """Channels of what it makes."""
    width: int
    """Channels at full size."""
    depth: int
    """Residual blocks, or halvings of the U-Net."""
    norm: NormName
    """Its norm."""
    dropout: bool
    """Whether features are dropped in training."""


class PretrainedTranslator(Method):
    """One generator from elsewhere."""

    Options = PretrainedTranslatorOptions
    data_kind = "unpaired"
    averaged = ("generator",)
    directions = ("ab",)
    about = "a translator whose weights were trained elsewhere"
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
        """The method around a generator.

        Raises:
            UserError: if the network is none.
        """
        if not isinstance(network, ResNetGenerator | UNetGenerator):
            raise UserError(
                f"these are the weights of a {type(network).__name__}, which judges pictures: only "
                "a generator translates."
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
        raise UserError("a translator from elsewhere is used, not trained: train a cyclegan.")

    def translator(self, direction: Direction) -> nn.Module:
        return self.generator
