"""SRGAN: enlarge so that it looks real. Ledig et al. 2017, section 2.2.

It begins from an SRResNet (`--init`). The content loss compares what a network that knows
photographs notices; a discriminator asks for detail that real pictures have.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from reverie.core import progress
from reverie.core.rng import Rng
from reverie.data import Batch, ImageSpec
from reverie.methods.base import FakeQueue, Loss, Phase
from reverie.methods.superres.base import SuperResolution, SuperResolutionOptions
from reverie.methods.superres.networks import SRDiscriminator
from reverie.nn.backbones.backbone import CONTENT_LAYERS, Backbone, find_backbone
from reverie.nn.losses import ADVERSARIAL, gradient_penalty, lazy_regularization
from reverie.nn.perceptual import content_difference


@dataclass(frozen=True, kw_only=True)
class SRGANOptions(SuperResolutionOptions):
    """A network that enlarges, one that judges, one that compares content."""

    loss: Literal["bce", "relativistic-average"] = "bce"
    """What the two sides minimise."""
    adversarial_weight: float = 1e-3
    """Weight of the wish to be taken for real."""
    content_weight: float = 1.0
    """Weight of the difference in features, whose columns have length 1."""
    pixel_weight: float = 0.0
    """Weight of the mean absolute error of the pixels."""
    content_weights: str | None = None
    """torchvision's file of VGG19; without it the content is what EfficientNet-Lite0 notices."""
    discriminator_width: int = 64
    """Channels of the discriminator's first layer."""
    r1: float = 0.0
    """Weight γ of the discriminator's squared gradient on real pictures; 0 turns it off. Few
    photographs are soon known by heart without it."""
    penalty_every: int = 8
    """R1 is computed in every so many-th step, and weighted by as much."""


class SRGAN(SuperResolution):
    """A generator and a discriminator."""

    Options = SRGANOptions
    about = "SRGAN: enlarge pictures so that they look real"
    init_from = "srresnet"

    def __init__(self, options: SRGANOptions, spec: ImageSpec) -> None:
        super().__init__(options, spec)
        self.discriminator = SRDiscriminator(spec.channels, options.discriminator_width)
        self._fakes: FakeQueue[tuple[Tensor, Tensor]] = FakeQueue()

    def phases(self) -> tuple[Phase, ...]:
        where = self.options.content_weights
        what = "vgg19" if where else "efficientnet"
        backbone = find_backbone(what, Path(where) if where else None)
        progress.say(f"the content is what {what} notices at {', '.join(CONTENT_LAYERS[what])}")

        def generator_loss(batch: Batch, rng: Rng) -> Loss:
            return self.generator_loss(batch, rng, backbone)

        o, networks = self.options, (self.discriminator,)
        phases = [
            Phase(name="generator", networks=(self.generator,), loss=generator_loss),
            Phase(name="discriminator", networks=networks, loss=self.discriminator_loss),
        ]
        if o.r1:
            every = o.penalty_every
            penalty = Phase(name="penalty", networks=networks, loss=self.penalty_loss, every=every)
            phases.append(penalty)
        return tuple(phases)

    def generator_loss(self, batch: Batch, rng: Rng, backbone: Backbone) -> Loss:
        """To show the same, and to be taken for real."""
        o, real = self.options, batch.images
        fake = self.generator(self.small(batch, rng)).float()
        self._fakes.push((real, fake.detach()))
        pair = ADVERSARIAL[o.loss]
        fake_logits = self.discriminator(fake).float()
        real_logits = self.discriminator(real).float() if pair.needs_real else fake_logits
        parts = {
            "content": content_difference(backbone, fake, real),
            "adversarial": pair.generator(real_logits, fake_logits),
            "pixel": F.l1_loss(fake, real),
        }
        loss = o.content_weight * parts["content"] + o.adversarial_weight * parts["adversarial"]
        return loss + o.pixel_weight * parts["pixel"], parts

    def discriminator_loss(self, batch: Batch, rng: Rng) -> Loss:
        """Real pictures against enlarged ones."""

        def recompute() -> tuple[Tensor, Tensor]:
            with torch.no_grad():
                return batch.images, self.generator(self.small(batch, rng)).float()

        real, fake = (self.discriminator(x).float() for x in self._fakes.pop(recompute))
        loss = ADVERSARIAL[self.options.loss].discriminator(real, fake)
        return loss, {"real": real.mean(), "fake": fake.mean()}

    def penalty_loss(self, batch: Batch, rng: Rng) -> Loss:
        """γ/2 R1, weighted by how seldom it is computed."""
        o = self.options
        slope = gradient_penalty(lambda x: self.discriminator(x).float(), batch.images)
        return lazy_regularization(slope, o.r1, o.penalty_every), {}
