"""DCGAN: convolutions instead of linear layers (Radford et al. 2015).

The defaults are today's recipe: relativistic loss with R1 and R2 and no norm in the discriminator
(Huang et al. 2024) on the same networks. `--preset paper` is the recipe of 2015.
"""

from dataclasses import dataclass
from typing import Literal

from jaxtyping import Float
from torch import Tensor

from reverie.data import ImageSpec
from reverie.methods.adversarial import AdversarialOptions
from reverie.methods.base import Method, Phase
from reverie.methods.gan.base import GANObjective, latent_encoder_for
from reverie.methods.gan.networks import Discriminator, Generator, Upsampling


@dataclass(frozen=True, kw_only=True)
class DCGANOptions(AdversarialOptions):
    """A convolutional generator and discriminator."""

    latent_size: int = 100
    """Length of the noise vector."""
    width: int = 64
    """Channels next to the picture; deeper layers have 2, 4, 8 times as many."""
    upsampling: Upsampling = "transposed"
    """How the generator grows: transposed convolutions, or nearest + convolution."""
    discriminator_norm: Literal["batch", "none"] = "none"
    """Norm inside the discriminator."""
    loss: Literal["bce", "lsgan", "hinge", "wgan-gp", "relativistic"] = "relativistic"
    """Which pair of losses the two networks minimise."""
    r1: float = 0.5
    """Weight γ of the squared gradient on real pictures; 0 turns it off."""
    r2: float = 0.5
    """Weight γ of the squared gradient on generated pictures; 0 turns it off."""
    penalty_every: int = 4
    """R1 and R2 are computed in every so many-th step, and weighted by as much."""


class DCGAN(Method):
    """A deep convolutional GAN."""

    Options = DCGANOptions
    averaged = ("generator",)
    training_only = ("finder",)
    about = "convolutional GAN, with the recipe of 2015 (paper) or of today (modern)"

    def __init__(self, options: DCGANOptions, spec: ImageSpec) -> None:
        super().__init__(options, spec)
        self.latent_shape = (options.latent_size,)
        self.generator = Generator(
            options.latent_size,
            spec.channels,
            spec.image_size,
            options.width,
            options.upsampling,
        )
        self.discriminator = Discriminator(
            spec.channels,
            spec.image_size,
            options.width,
            options.discriminator_norm,
            options.spectral_norm,
        )
        self.finder = latent_encoder_for(options, spec, options.latent_size)

    def phases(self) -> tuple[Phase, ...]:
        return GANObjective(
            options=self.options,
            generator=(self.generator,),
            discriminator=(self.discriminator,),
            latent_size=self.options.latent_size,
            generate=self.generate,
            discriminate=lambda images, labels: self.discriminator(images),
            joint_batches=self.options.discriminator_norm == "none",
            latent_encoder=self.finder,
        ).phases()

    def generate(
        self, latents: Float[Tensor, "b d"], labels: Tensor | None = None
    ) -> Float[Tensor, "b c h w"]:
        return self.generator(latents)
