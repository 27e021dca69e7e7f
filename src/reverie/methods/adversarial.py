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

    generator: tuple[nn.Module, ...]
    discriminator: tuple[nn.Module, ...]
    latent_size: int
    generate: Callable[[Tensor, Tensor | None], Tensor]
    discriminate: Callable[[Tensor, Tensor | None], Tensor]
    together: bool


def adversarial_phases(game: Game, options: AdversarialOptions) -> tuple[Phase, ...]:
    """The updates of one step of a GAN."""
    pair = ADVERSARIAL[options.loss]

    def generated(batch: Batch, draw: Draw) -> Tensor:
        latents = draw.normal(len(batch), game.latent_size)
        return game.generate(latents, batch.labels).float()

    def judge(images: Tensor, labels: Tensor | None, draw: Draw) -> Tensor:
        return game.discriminate(augment(images, options.augment, draw), labels)

    def judge_both(batch: Batch, fake: Tensor, draw: Draw) -> tuple[Tensor, Tensor]:
        if not game.together:
            real_logits = judge(batch.images, batch.labels, draw)
            return real_logits, judge(fake, batch.labels, draw)
        images = torch.cat(
            [
                augment(batch.images, options.augment, draw),
                augment(fake, options.augment, draw),
            ]
        )
        labels = None if batch.labels is None else batch.labels.repeat(2)
        real_logits, fake_logits = game.discriminate(images, labels).chunk(2)
        return real_logits, fake_logits

    def discriminator_loss(batch: Batch, draw: Draw) -> Loss:
        with torch.no_grad():
            fake = generated(batch, draw)
        real_logits, fake_logits = judge_both(batch, fake, draw)
        loss = pair.discriminator(real_logits, fake_logits)
        parts = {"real": real_logits.mean(), "fake": fake_logits.mean()}
        if options.loss == "wgan-gp":
            penalty = interpolation_penalty(
                lambda x: judge(x, batch.labels, draw),
                batch.images,
                fake,
                draw.uniform(len(batch), 1, 1, 1),
            )
            return loss + WGAN_PENALTY * penalty, parts | {"slope": penalty}
        return loss, parts

    def penalty_loss(batch: Batch, draw: Draw) -> Loss:
        loss, parts = torch.zeros((), device=batch.images.device), {}
        if options.r1:
            parts["r1"] = gradient_penalty(lambda x: judge(x, batch.labels, draw), batch.images)
            loss = loss + 0.5 * options.r1 * options.penalty_every * parts["r1"]
        if options.r2:
            with torch.no_grad():
                fake = generated(batch, draw)
            parts["r2"] = gradient_penalty(lambda x: judge(x, batch.labels, draw), fake)
            loss = loss + 0.5 * options.r2 * options.penalty_every * parts["r2"]
        return loss, parts

    def generator_loss(batch: Batch, draw: Draw) -> Loss:
        fake = generated(batch, draw)
        if pair.needs_real:
            real_logits, fake_logits = judge_both(batch, fake, draw)
        else:
            real_logits = fake_logits = judge(fake, batch.labels, draw)
        return pair.generator(real_logits, fake_logits), {}

    phases = [Phase(name="discriminator", networks=game.discriminator, loss=discriminator_loss)]
    if options.r1 or options.r2:
        phases.append(
            Phase(
                name="penalty",
                networks=game.discriminator,
                loss=penalty_loss,
                every=options.penalty_every,
            )
        )
    phases.append(
        Phase(
            name="generator",
            networks=game.generator,
            loss=generator_loss,
            every=options.generator_every,
        )
    )
    return tuple(phases)
