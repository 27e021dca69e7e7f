"""GAN of two multilayer perceptrons (Goodfellow et al. 2014)."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from reverie.core.options import LayerSize, Length
from reverie.data import DataOptions, ImageSpec
from reverie.methods.base import Method, Phase
from reverie.methods.gan.base import GANObjective, latent_encoder_for
from reverie.methods.gan.networks import ACTIVATIONS
from reverie.methods.gan.options import ActivatedOptions
from reverie.methods.recipe import Fits, Preset, TrainOptions
from reverie.nn.mlp import mlp


@dataclass(frozen=True, kw_only=True)
class GANOptions(ActivatedOptions):
    """Options of a generator and a discriminator of linear layers."""

    latent_size: LayerSize = 64
    """Length of the latent vector; 2, 4 and 8 are presets."""
    hidden: Annotated[tuple[LayerSize, ...], Length(0, 64)] = (256, 512, 1024)
    """Sizes of the generator's hidden layers; the discriminator reverses all but the last."""


class GAN(Method):
    """GAN of multilayer perceptrons."""

    Options = GANOptions
    averaged = ("generator",)
    training_only = ("finder",)
    about = "GAN (Goodfellow et al. 2014): generator and discriminator of linear layers"
    main_options = ("latent_size", "hidden", "loss", "learning_rate")
    tiny_options: ClassVar = {"hidden": (16, 32)}
    inversion_method = "encoder"

    def __init__(self, options: GANOptions, spec: ImageSpec) -> None:
        super().__init__(options, spec)
        self.latent_shape = (options.latent_size,)
        pixels = spec.channels * spec.height * spec.width
        activation = ACTIVATIONS[options.activation]
        self.generator = mlp((options.latent_size, *options.hidden, pixels), activation)
        self.discriminator = mlp((pixels, *options.hidden[-2::-1], 1), activation)
        if options.spectral_norm:
            for layer in self.discriminator:
                if isinstance(layer, nn.Linear):
                    spectral_norm(layer)
        self.finder = latent_encoder_for(options, spec, options.latent_size)

    def phases(self) -> tuple[Phase, ...]:
        return GANObjective(
            options=self.options,
            generator=(self.generator,),
            discriminator=(self.discriminator,),
            latent_size=self.options.latent_size,
            generate=self.generate,
            discriminate=self.discriminate,
            joint_batches=True,
            latent_encoder=self.finder,
        ).phases()

    def generate(
        self, latents: Float[Tensor, "b d"], labels: Tensor | None = None
    ) -> Float[Tensor, "b c h w"]:
        shape = (self.spec.channels, self.spec.height, self.spec.width)
        return self.generator(latents).tanh().unflatten(1, shape)

    def discriminate(
        self, images: Float[Tensor, "b c h w"], labels: Tensor | None = None
    ) -> Float[Tensor, " b"]:
        return self.discriminator(images.flatten(1)).flatten().float()


def _digits(latent_size: int, r1: float, learning_rate: float = 2e-4) -> Preset:
    """Without R1 the discriminator wins after four to six thousand steps, and all samples become
    noise; the fewer latents, the more of it is needed."""
    return Preset(
        about=f"digits, {latent_size} latents: 8,000 steps, about a minute on two cores",
        options=GANOptions(
            latent_size=latent_size, r1=r1, penalty_every=8, learning_rate=learning_rate
        ),
        data=DataOptions(data="digits"),
        training=TrainOptions(steps=8000, decay="linear"),
        fits=Fits(device="any", seconds=0.026, side=28) if latent_size == 64 else None,
    )


GAN.presets = {
    "digits-2": _digits(2, r1=0.5),
    "digits-4": _digits(4, r1=0.05),
    "digits-8": _digits(8, r1=0.05, learning_rate=6e-4),
    "digits-64": _digits(64, r1=0.05),
    "small": Preset(
        about="any images on two cores, up to 96 pixels: 8,000 steps, about 25 minutes on one core "
        "at 64×64",
        options=GANOptions(r1=0.05, penalty_every=8),
        training=TrainOptions(steps=8000, decay="linear"),
        fits=Fits(largest=96, passes=400, seconds=0.19),
    ),
    "small-256": Preset(
        about="as small, for larger images: 5,000 steps, about 30 minutes on one core at 256×256",
        options=GANOptions(r1=0.05, penalty_every=8, hidden=(32, 64, 128)),
        training=TrainOptions(steps=5000, batch_size=32, decay="linear"),
        fits=Fits(passes=400, seconds=0.38, side=256),
    ),
}
