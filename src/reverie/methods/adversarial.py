"""The game that GAN, DCGAN and conditional GAN share: three phases around two networks.

`discriminator`, then, lazily, `penalty` (R1 on real, R2 on generated pictures), then `generator`.
A method brings its networks and says how a picture is generated and judged; the rest is here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from reverie.augment import Augmentation, augment
from reverie.data import Batch
from reverie.draws import Draw
from reverie.losses import ADVERSARIAL, gradient_penalty, interpolation_penalty
from reverie.methods.contract import Loss, MethodOptions, Phase

WGAN_PENALTY = 10.0


@dataclass(frozen=True, kw_only=True)
class AdversarialOptions(MethodOptions):
    """What the options of every GAN begin with."""

    loss: Literal["bce", "lsgan", "hinge", "wgan-gp", "relativistic"] = "bce"
    """Which pair of losses the two networks minimise."""
    r1: float = 0.0
    """Weight γ of the squared gradient on real pictures; 0 turns it off."""
    r2: float = 0.0
    """Weight γ of the squared gradient on generated pictures; 0 turns it off."""
    penalty_every: int = 16
    """R1 and R2 are computed in every so many-th step, and weighted by as much."""
    generator_every: int = 1
    """The generator moves in every so many-th step: 5 is usual for wgan-gp."""
    augment: tuple[Augmentation, ...] = ()
    """Differentiable augmentation of all that the discriminator sees; for small data."""
    spectral_norm: bool = False
    """Bound the discriminator's slope layer by layer."""


@dataclass(frozen=True, kw_only=True)
class Game:
    """Two players, each of one network or more, and how they play.

    `generate(latents, labels)` and `discriminate(images, labels)` are what phases call.
    `together` says that real and generated pictures may be judged in one call: true where the
    discriminator has no batch norm, whose statistics would mix them.
    """

    options: AdversarialOptions
    generator: tuple[nn.Module, ...]
    discriminator: tuple[nn.Module, ...]
    latent_size: int
    generate: Callable[[Tensor, Tensor | None], Tensor]
    discriminate: Callable[[Tensor, Tensor | None], Tensor]
    together: bool

    def phases(self) -> tuple[Phase, ...]:
        """The updates of one step of a GAN."""
        o = self.options
        phases = [
            Phase(name="discriminator", networks=self.discriminator, loss=self.discriminator_loss),
            Phase(
                name="penalty",
                networks=self.discriminator,
                loss=self.penalty_loss,
                every=o.penalty_every,
            ),
            Phase(
                name="generator",
                networks=self.generator,
                loss=self.generator_loss,
                every=o.generator_every,
            ),
        ]
        return tuple(p for p in phases if p.name != "penalty" or o.r1 or o.r2)

    def generated(self, batch: Batch, draw: Draw) -> Tensor:
        """As many new pictures as the batch has, with its labels."""
        latents = draw.normal(len(batch), self.latent_size)
        return self.generate(latents, batch.labels).float()

    def judge(self, images: Tensor, labels: Tensor | None, draw: Draw) -> Tensor:
        """The discriminator's logits of augmented pictures."""
        return self.discriminate(augment(images, self.options.augment, draw), labels)

    def judge_both(self, batch: Batch, fake: Tensor, draw: Draw) -> tuple[Tensor, Tensor]:
        """The logits of real and of generated pictures, in one call where that changes nothing."""
        real, fake = (augment(x, self.options.augment, draw) for x in (batch.images, fake))
        if not self.together:
            return self.discriminate(real, batch.labels), self.discriminate(fake, batch.labels)
        labels = None if batch.labels is None else batch.labels.repeat(2)
        real_logits, fake_logits = self.discriminate(torch.cat([real, fake]), labels).chunk(2)
        return real_logits, fake_logits

    def discriminator_loss(self, batch: Batch, draw: Draw) -> Loss:
        """What the discriminator minimises."""
        with torch.no_grad():
            fake = self.generated(batch, draw)
        real_logits, fake_logits = self.judge_both(batch, fake, draw)
        loss = ADVERSARIAL[self.options.loss].discriminator(real_logits, fake_logits)
        parts = {"real": real_logits.mean(), "fake": fake_logits.mean()}
        if self.options.loss == "wgan-gp":
            share = draw.uniform(len(batch), 1, 1, 1)
            parts["slope"] = interpolation_penalty(
                lambda x: self.judge(x, batch.labels, draw), batch.images, fake, share
            )
            loss = loss + WGAN_PENALTY * parts["slope"]
        return loss, parts

    def penalty_loss(self, batch: Batch, draw: Draw) -> Loss:
        """γ/2 (R1 + R2), weighted by how seldom it is computed."""
        o = self.options
        loss, parts = batch.images.new_zeros(()), {}
        points = {"r1": (o.r1, batch.images)}
        if o.r2:
            with torch.no_grad():
                points["r2"] = (o.r2, self.generated(batch, draw))
        for name, (gamma, images) in points.items():
            parts[name] = gradient_penalty(lambda x: self.judge(x, batch.labels, draw), images)
            loss = loss + 0.5 * gamma * o.penalty_every * parts[name]
        return loss, parts

    def generator_loss(self, batch: Batch, draw: Draw) -> Loss:
        """What the generator minimises."""
        pair = ADVERSARIAL[self.options.loss]
        fake = self.generated(batch, draw)
        if pair.needs_real:
            real_logits, fake_logits = self.judge_both(batch, fake, draw)
        else:
            real_logits = fake_logits = self.judge(fake, batch.labels, draw)
        return pair.generator(real_logits, fake_logits), {}
