"""WGAN-div: a Wasserstein GAN with a gradient penalty that needs no Lipschitz constraint.

Wu et al. 2018, "Wasserstein divergence for GANs": k = 2 and p = 6. D is large on real images here.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from reverie.core.options import NonNegative, Positive
from reverie.core.rng import Rng
from reverie.data import Batch, DataOptions, ImageSpec
from reverie.methods import Method, MethodOptions, Phase
from reverie.methods.base import Loss
from reverie.methods.gan.networks import Discriminator, Generator
from reverie.methods.recipe import Preset, TrainOptions


@dataclass(frozen=True, kw_only=True)
class WGANDivOptions(MethodOptions):
    """Options of a generator and a discriminator with the Wasserstein divergence."""

    latent_size: Positive = 64
    """Length of the latent vector."""
    width: Positive = 32
    """Channels at the highest resolution; deeper layers have 2, 4, 8 times as many."""
    penalty_weight: NonNegative = 2.0
    """Weight k of the gradient penalty."""
    penalty_power: NonNegative = 6.0
    """Power p of the gradient's norm."""


class WGANDiv(Method):
    """Convolutional GAN with the Wasserstein divergence."""

    Options = WGANDivOptions
    averaged = ("generator",)
    about = "GAN with the Wasserstein divergence (Wu et al. 2018)"
    tiny_options: ClassVar = {"latent_size": 8, "width": 4}

    def __init__(self, options: WGANDivOptions, spec: ImageSpec) -> None:
        super().__init__(options, spec)
        self.latent_shape = (options.latent_size,)
        self.generator = Generator(
            options.latent_size, spec.channels, spec.image_size, options.width
        )
        self.discriminator = Discriminator(
            spec.channels, spec.image_size, options.width, norm="none"
        )

    def phases(self) -> tuple[Phase, ...]:
        return (
            Phase(
                name="discriminator",
                networks=(self.discriminator,),
                loss=self.discriminator_loss,
            ),
            Phase(name="generator", networks=(self.generator,), loss=self.generator_loss),
        )

    def discriminator_loss(self, batch: Batch, rng: Rng) -> Loss:
        """E[D(fake)] - E[D(real)] + k E‖∇D(x̂)‖ᵖ, with x̂ between real and generated images."""
        real = batch.images
        with torch.no_grad():
            fake = self.generate(rng.normal(len(batch), self.options.latent_size)).float()
        distance = self.discriminator(real).mean() - self.discriminator(fake).mean()
        share = rng.uniform(len(batch), 1, 1, 1)
        x_hat = (share * real + (1 - share) * fake).requires_grad_()
        logits = self.discriminator(x_hat)
        (gradient,) = torch.autograd.grad(logits.sum(), x_hat, create_graph=True)
        squared_norm = gradient.float().flatten(1).square().sum(1)
        penalty = squared_norm.pow(self.options.penalty_power / 2).mean()
        loss = self.options.penalty_weight * penalty - distance
        return loss, {"distance": distance, "penalty": penalty}

    def generator_loss(self, batch: Batch, rng: Rng) -> Loss:
        """-E[D(fake)]."""
        fake = self.generate(rng.normal(len(batch), self.options.latent_size)).float()
        return -self.discriminator(fake).mean(), {}

    def generate(
        self, latents: Float[Tensor, "b d"], labels: Tensor | None = None
    ) -> Float[Tensor, "b c h w"]:
        """Images in [-1, 1]."""
        return self.generator(latents)


WGANDiv.presets = {
    "shapes": Preset(
        about="drawn shapes: 4,000 steps, about a minute on two cores",
        options=WGANDivOptions(width=16, learning_rate=1e-3),
        data=DataOptions(data="shapes"),
        training=TrainOptions(steps=4000, decay="cosine"),
    ),
}
