"""SRGAN: perceptual super-resolution. Ledig et al. 2017, section 2.2.

Content loss (distance of a pretrained network's feature maps) + adversarial loss + optional pixel
loss. Training starts from a pretrained SRResNet (`--init`).
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from reverie.core import progress
from reverie.core.options import LayerSize, NonNegative, NonNegativeInt, Positive
from reverie.core.rng import Rng
from reverie.data import Batch, ImageSpec
from reverie.methods.base import FakeQueue, Loss, Phase
from reverie.methods.recipe import Fits, Preset, TrainOptions
from reverie.methods.superres.base import (
    CROPS,
    DEFAULT_TRAINING,
    OWN_PHOTOS,
    PAPER_CROPS,
    PHOTOS,
    PHOTOS_TRAINING,
    SuperResolution,
    SuperResolutionOptions,
    network_for_device,
)
from reverie.methods.superres.discriminators import DiscriminatorKind, discriminator
from reverie.nn.adversarial import ADVERSARIAL, gradient_penalty, lazy_regularization
from reverie.nn.backbones import find_backbone
from reverie.nn.backbones.backbone import Backbone
from reverie.nn.perceptual import content_difference


@dataclass(frozen=True, kw_only=True)
class SRGANOptions(SuperResolutionOptions):
    """Options of SRGAN: generator, discriminator and content loss."""

    loss: str = "bce"
    """Adversarial loss: bce, relativistic-average, or another of the GANs."""
    adversarial_weight: NonNegative = 1e-3
    """Weight of the generator's adversarial loss."""
    content_weight: NonNegative = 1.0
    """Weight of the content loss (distance of channel-normalized feature maps)."""
    pixel_weight: NonNegative = 0.0
    """Weight of the pixel loss (L1)."""
    content_shift: NonNegativeInt = 0
    """Random offset of up to so many pixels at which the content loss crops both images: its
    network sees one pixel in two or four, and 7 keeps it from favouring a grid pattern."""
    content_weights: str | None = None
    """File of torchvision's VGG19 weights; by default the content loss uses EfficientNet-Lite0."""
    discriminator: DiscriminatorKind = "single"
    """Discriminator: one logit per image, as in the paper, or a U-Net with one per pixel."""
    discriminator_width: LayerSize = 64
    """Channels of the discriminator's first layer."""
    r1: NonNegative = 0.0
    """Weight γ of the R1 penalty, the discriminator's squared gradient on real images; 0 turns it
    off. Prevents discriminator overfitting on small datasets."""
    penalty_every: Positive = 8
    """Lazy regularization: R1 is computed every n-th step, weighted n-fold."""

    def __post_init__(self) -> None:
        super().__post_init__()
        ADVERSARIAL.find(self.loss)


class SRGAN(SuperResolution):
    """Super-resolution generator trained with content and adversarial loss."""

    Options = SRGANOptions
    about = "SRGAN: perceptual super-resolution with content and adversarial loss"
    main_options = ("scale", "network", "adversarial_weight", "degradation")
    tiny_options: ClassVar = {"width": 8, "blocks": 2, "discriminator_width": 4}
    feature_network = "discriminator"
    image_networks: ClassVar = {"discriminator": 1}
    init_from = "srresnet"

    def __init__(self, options: SRGANOptions, spec: ImageSpec) -> None:
        super().__init__(options, spec)
        self.discriminator = discriminator(
            options.discriminator, spec.channels, options.discriminator_width
        )
        self._fakes: FakeQueue[tuple[Tensor, Tensor]] = FakeQueue()

    @classmethod
    def default_preset(cls) -> Preset:
        options = SRGANOptions(**STABLE, network=network_for_device("srresnet"))
        return Preset(about="the defaults", options=options, data=CROPS, training=DEFAULT_TRAINING)

    def phases(self) -> tuple[Phase, ...]:
        where = self.options.content_weights
        what = "vgg19" if where else "efficientnet"
        backbone = find_backbone(what, Path(where) if where else None)
        progress.say(f"content loss on {what}, layers {', '.join(backbone.content_layers)}")

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
        """Content + adversarial + pixel loss of the generator, each weighted by its option."""
        o, real = self.options, batch.images
        fake = self.generator(self.small(batch, rng)).float()
        self._fakes.push((real, fake.detach()))
        pair = ADVERSARIAL[o.loss]
        fake_logits = self.discriminator(fake).float()
        real_logits = self.discriminator(real).float() if pair.needs_real else fake_logits
        parts = {
            "content": content_difference(backbone, *self._shifted(fake, real, rng)),
            "adversarial": pair.generator(real_logits, fake_logits),
            "pixel": F.l1_loss(fake, real),
        }
        loss = o.content_weight * parts["content"] + o.adversarial_weight * parts["adversarial"]
        return loss + o.pixel_weight * parts["pixel"], parts

    def _shifted(self, fake: Tensor, real: Tensor, rng: Rng) -> tuple[Tensor, Tensor]:
        """Both images without a random number of rows at the top and columns at the left."""
        if not self.options.content_shift:
            return fake, real
        down, across = rng.integers(self.options.content_shift + 1, 2).tolist()
        return fake[..., down:, across:], real[..., down:, across:]

    def discriminator_loss(self, batch: Batch, rng: Rng) -> Loss:
        """Adversarial loss of the discriminator: real high-resolution against upscaled images."""

        def recompute() -> tuple[Tensor, Tensor]:
            with torch.no_grad():
                return batch.images, self.generator(self.small(batch, rng)).float()

        real, fake = (self.discriminator(x).float() for x in self._fakes.pop(recompute))
        pair = ADVERSARIAL[self.options.loss]
        return pair.discriminator(real, fake), pair.log_parts(real, fake)

    def penalty_loss(self, batch: Batch, rng: Rng) -> Loss:
        """R1 penalty γ/2 E‖∇D‖² on real images, with lazy regularization."""
        o = self.options
        slope = gradient_penalty(
            lambda x: self.discriminator(x).float().flatten(1).mean(1), batch.images
        )
        return lazy_regularization(slope, o.r1, o.penalty_every), {}


STABLE: dict[str, Any] = {"adversarial_weight": 5e-3, "pixel_weight": 20.0, "r1": 0.05}
"""The gradient of the pixel loss is a hundredth of the content loss's: a weight of 20 makes it a
fifth, without which grid artefacts appear that only the content loss favours. R1 keeps the
discriminator of a small dataset from overfitting."""

SMALL: dict[str, Any] = {
    **STABLE,
    "network": "compact",
    "width": 48,
    "blocks": 12,
    "learning_rate": 4e-4,
    "discriminator_width": 16,
}
"""For two cores, from an SRResNet of the same compact network."""

LARGE: dict[str, Any] = {
    **SMALL,
    "network": "msrresnet",
    "adversarial_weight": 0.03,
    "pixel_weight": 5.0,
    "content_shift": 7,
    "discriminator": "unet",
    "discriminator_width": 24,
}
"""From an MSRResNet, whose last convolutions at full resolution make no grid pattern: the
adversarial loss may weigh more, and that of pixels less."""

SMALL_TRAINING = replace(PHOTOS_TRAINING, batch_size=8, steps=4600)

SRGAN.presets = {
    # The paper's content loss is not relative to the size of the features.
    "paper": Preset(
        about="Ledig et al. 2017, section 3.2: 10⁵ steps of 1e-4, 10⁵ of 1e-5, from an SRResNet",
        options=SRGANOptions(),
        data=PAPER_CROPS,
        training=TrainOptions(
            steps=200_000, batch_size=16, decay="linear", decay_from=0.9, ema_decay=0.0
        ),
    ),
    "photos-large": Preset(
        about="adversarial fine-tuning of srresnet:photos-large, named by --init, with texture and "
        "without grid artefacts: 2,500 steps, about 40 minutes on one core",
        options=SRGANOptions(**LARGE),
        data=replace(PHOTOS, rotate=True, crop_candidates=3),
        training=replace(SMALL_TRAINING, steps=2500),
    ),
    "photos-small": Preset(
        about="adversarial fine-tuning of srresnet:photos or photos-small, named by --init: 4,600 "
        "steps, about 15 minutes on one core",
        options=SRGANOptions(**SMALL),
        data=PHOTOS,
        training=SMALL_TRAINING,
        fits=Fits(seconds=0.45, side=96),
    ),
    "small": Preset(
        about="any photographs on two cores, from srresnet:small named by --init: 4,600 steps, "
        "about 35 minutes on one core",
        options=SRGANOptions(**SMALL),
        data=OWN_PHOTOS,
        training=SMALL_TRAINING,
        fits=Fits(passes=1000, seconds=0.44, side=96),
    ),
}
