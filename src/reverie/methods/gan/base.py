"""Training objective of GAN, DCGAN and conditional GAN: three phases, two networks.

`discriminator`, then `penalty` (R1 on real, R2 on generated images, as lazy regularization), then
`generator`. A method provides its networks and the functions that generate and discriminate.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reverie.core.rng import Rng
from reverie.data import Batch, ImageSpec
from reverie.methods.adversarial import AdversarialOptions
from reverie.methods.base import Loss, Phase
from reverie.nn.adversarial import (
    ADVERSARIAL,
    gradient_penalty,
    interpolation_penalty,
    lazy_regularization,
)
from reverie.nn.augment import augment
from reverie.nn.conv_encoder import conv_encoder

LATENT_ENCODER_NOISE, LATENT_ENCODER_WIDTH = 0.05, 32


@dataclass(frozen=True, kw_only=True)
class GANObjective:
    """Losses and phases of a generator and a discriminator, each of one network or more.

    `generate(latents, labels)` returns images in [-1, 1], `discriminate(images, labels)` logits.
    With `joint_batches`, real and generated images are discriminated in one batch; it has to be
    false for a discriminator with batch norm, whose statistics would mix them. `latent_encoder`
    predicts the latents of generated images, and is trained in the generator's phase.
    """

    options: AdversarialOptions
    generator: tuple[nn.Module, ...]
    discriminator: tuple[nn.Module, ...]
    latent_size: int
    generate: Callable[[Tensor, Tensor | None], Tensor]
    discriminate: Callable[[Tensor, Tensor | None], Tensor]
    joint_batches: bool
    latent_encoder: nn.Module | None = None

    def phases(self) -> tuple[Phase, ...]:
        """Updates of one training step; without `penalty` if both weights are 0."""
        o = self.options
        phases = [
            Phase(
                name="discriminator",
                networks=self.discriminator,
                loss=self.discriminator_loss,
                every=o.discriminator_every,
            ),
            Phase(
                name="penalty",
                networks=self.discriminator,
                loss=self.penalty_loss,
                every=o.penalty_every,
            ),
            Phase(
                name="generator",
                networks=self.generator
                + (() if self.latent_encoder is None else (self.latent_encoder,)),
                loss=self.generator_loss,
                every=o.generator_every,
            ),
        ]
        return tuple(p for p in phases if p.name != "penalty" or o.r1 or o.r2)

    def generated(self, batch: Batch, rng: Rng) -> Tensor:
        """Generated images with the size and labels of the batch, in float32."""
        latents = rng.normal(len(batch), self.latent_size)
        return self.generate(latents, batch.labels).float()

    def discriminator_logits(self, images: Tensor, labels: Tensor | None, rng: Rng) -> Tensor:
        """The discriminator's logits of augmented images."""
        return self.discriminate(augment(images, self.options.augment, rng), labels)

    def paired_logits(self, batch: Batch, fake: Tensor, rng: Rng) -> tuple[Tensor, Tensor]:
        """Logits of augmented real and generated images, as one batch with `joint_batches`."""
        real, fake = (augment(x, self.options.augment, rng) for x in (batch.images, fake))
        if not self.joint_batches:
            return self.discriminate(real, batch.labels), self.discriminate(fake, batch.labels)
        labels = None if batch.labels is None else batch.labels.repeat(2)
        real_logits, fake_logits = self.discriminate(torch.cat([real, fake]), labels).chunk(2)
        return real_logits, fake_logits

    def discriminator_loss(self, batch: Batch, rng: Rng) -> Loss:
        """The discriminator's adversarial loss; for wgan-gp plus its gradient penalty."""
        with torch.no_grad():
            fake = self.generated(batch, rng)
        real_logits, fake_logits = self.paired_logits(batch, fake, rng)
        pair = ADVERSARIAL[self.options.loss]
        loss = pair.discriminator(real_logits, fake_logits)
        parts = pair.log_parts(real_logits, fake_logits)
        if pair.interpolation_penalty:
            share = rng.uniform(len(batch), 1, 1, 1)
            parts["slope"] = interpolation_penalty(
                lambda x: self.discriminator_logits(x, batch.labels, rng), batch.images, fake, share
            )
            loss = loss + pair.interpolation_penalty * parts["slope"]
        return loss, parts

    def penalty_loss(self, batch: Batch, rng: Rng) -> Loss:
        """Gradient penalties γ/2 (R1 + R2), weighted by `penalty_every`."""
        o = self.options
        loss, parts = batch.images.new_zeros(()), {}
        points = {"r1": (o.r1, batch.images)}
        if o.r2:
            with torch.no_grad():
                points["r2"] = (o.r2, self.generated(batch, rng))
        for name, (gamma, images) in points.items():
            parts[name] = gradient_penalty(
                lambda x: self.discriminator_logits(x, batch.labels, rng), images
            )
            loss = loss + lazy_regularization(parts[name], gamma, o.penalty_every)
        return loss, parts

    def generator_loss(self, batch: Batch, rng: Rng) -> Loss:
        """The generator's adversarial loss, plus the latent reconstruction loss, if any."""
        pair = ADVERSARIAL[self.options.loss]
        latents = rng.normal(len(batch), self.latent_size)
        fake = self.generate(latents, batch.labels).float()
        if pair.needs_real:
            real_logits, fake_logits = self.paired_logits(batch, fake, rng)
        else:
            real_logits = fake_logits = self.discriminator_logits(fake, batch.labels, rng)
        loss = pair.generator(real_logits, fake_logits)
        if self.latent_encoder is None:
            return loss, {}
        # Noise keeps the generator from encoding the latent in an imperceptible pattern.
        seen = fake + LATENT_ENCODER_NOISE * rng.normal(*fake.shape)
        missed = F.mse_loss(self.latent_encoder(seen).float(), latents)
        return loss + self.options.latent_weight * missed, {"latents": missed}


def latent_encoder_for(
    options: AdversarialOptions, spec: ImageSpec, latent_size: int
) -> nn.Sequential | None:
    """Encoder for the latent reconstruction loss, or None if its weight is 0."""
    if not options.latent_weight:
        return None
    return conv_encoder(spec.channels, spec.image_size, LATENT_ENCODER_WIDTH, latent_size)
