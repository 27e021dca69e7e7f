"""pix2pix: paired image-to-image translation with a conditional GAN.

Isola et al. 2017: adversarial loss of a discriminator conditioned on the input + L1 loss. The
generator is updated first and the discriminator reuses its translation, so that it is computed
once; the reference code updates the discriminator first.
"""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reverie.core.options import Direction, NonNegative
from reverie.core.rng import Rng
from reverie.data import Batch, DataOptions, ImageSpec
from reverie.methods.base import FakeQueue, Loss, Method, Phase, Preview
from reverie.methods.recipe import Fits, Preset
from reverie.methods.translation.base import (
    ANY_DATA,
    EARTH,
    EARTH_DATA,
    EARTH_TRAINING,
    LARGE,
    PAPER_DATA,
    PAPER_TRAINING,
    SMALL,
    SMALL_DATA,
    SMALL_TRAINING,
    DiscriminatorLoss,
    GeneratorKind,
    TranslationOptions,
    build_discriminator,
    build_generator,
    diagnostics,
    luminance_correlation,
    translation_phases,
)
from reverie.nn.backbones import find_backbone
from reverie.nn.backbones.backbone import Backbone
from reverie.nn.norms import NormName
from reverie.nn.perceptual import content_difference

CONTENT_SIDE = 64


@dataclass(frozen=True, kw_only=True)
class Pix2PixOptions(TranslationOptions):
    """Options of pix2pix: one generator and a conditional discriminator."""

    network: GeneratorKind = "unet"
    norm: NormName = "batch"
    discriminator_norm: NormName = "batch"
    dropout: bool = True
    loss: str = "bce"
    pixel_weight: NonNegative = 100.0
    """Weight λ of the L1 loss between translation and target."""
    content_weight: NonNegative = 0.0
    """Weight of a content loss, the distance of EfficientNet's feature maps; 0 turns it off."""


class Pix2Pix(Method):
    """Paired translation from domain A to domain B."""

    Options = Pix2PixOptions
    data_kind = "paired"
    averaged = ("generator",)
    directions = ("ab",)
    about = "pix2pix: paired image-to-image translation with a conditional GAN"
    main_options = ("pixel_weight", "content_weight", "network", "width")
    unused_options = ("r2", "latent_weight")
    tiny_options: ClassVar = {"width": 4, "discriminator_width": 4, "blocks": 1}
    feature_network = "generator"
    image_networks: ClassVar = {"generator": 1, "discriminator": 2}

    def __init__(self, options: Pix2PixOptions, spec: ImageSpec) -> None:
        super().__init__(options, spec)
        self.generator = build_generator(options, spec)
        self.discriminator = build_discriminator(options, 2 * spec.channels)
        self._fakes: FakeQueue[Tensor] = FakeQueue()

    @classmethod
    def default_preset(cls) -> Preset:
        return cls.presets["paper"]

    def phases(self) -> tuple[Phase, ...]:
        backbone = find_backbone("efficientnet") if self.options.content_weight else None

        def generator_loss(batch: Batch, rng: Rng) -> Loss:
            return self.generator_loss(batch, rng, backbone)

        generator = Phase(name="generator", networks=(self.generator,), loss=generator_loss)
        discriminator = Phase(
            name="discriminator", networks=(self.discriminator,), loss=self.discriminator_loss
        )
        return translation_phases(self.options, generator, discriminator, self.penalty_loss)

    @property
    def _discriminator_loss(self) -> DiscriminatorLoss:
        return DiscriminatorLoss(self.discriminator, self.options)

    def generator_loss(self, batch: Batch, rng: Rng, backbone: Backbone | None = None) -> Loss:
        """Adversarial loss + L1 loss to the target + content loss of a backbone, if given."""
        a, b = batch.images, batch.domain_b
        fake = self.generator(a).float()
        self._fakes.push(fake.detach())
        parts = {
            "adversarial": self._discriminator_loss.generator_loss(
                torch.cat([a, b], 1), torch.cat([a, fake], 1), rng
            ),
            "pixel": (fake - b).abs().mean(),
        }
        loss = parts["adversarial"] + self.options.pixel_weight * parts["pixel"]
        if backbone is not None:
            parts["content"] = content_difference(backbone, *(_enlarged(x) for x in (fake, b)))
            loss = loss + self.options.content_weight * parts["content"]
        return loss, parts | {"likeness": luminance_correlation(b, fake)}

    def discriminator_loss(self, batch: Batch, rng: Rng) -> Loss:
        """Adversarial loss of the discriminator: pairs (a, b) against pairs (a, G(a))."""
        a, b = batch.images, batch.domain_b

        def recompute() -> Tensor:
            with torch.no_grad():
                return self.generator(a).float()

        fake = self._fakes.pop(recompute)
        return self._discriminator_loss.discriminator_loss(
            torch.cat([a, b], 1), torch.cat([a, fake], 1), rng
        )

    def penalty_loss(self, batch: Batch, rng: Rng) -> Loss:
        """R1 penalty on real pairs."""
        return self._discriminator_loss.penalty(
            torch.cat([batch.images, batch.domain_b], 1), rng
        ), {}

    def diagnostics(self, losses: dict[str, float]) -> list[str]:
        return diagnostics(losses)

    def translator(self, direction: Direction) -> nn.Module:
        return self.generator

    def previews(
        self, latents: Tensor | None, labels: Tensor | None, batch: Batch
    ) -> dict[str, Preview]:
        """Rows of input image, translation and target."""
        made = self.generator(batch.images)
        return {"samples": Preview.of_groups(batch.images, made, batch.domain_b)}


def _enlarged(images: Tensor) -> Tensor:
    """Images enlarged to at least `CONTENT_SIDE` pixels a side: deep layers reduce 32-fold."""
    factor = -(-CONTENT_SIDE // min(images.shape[-2:]))
    return F.interpolate(images, scale_factor=factor, mode="bilinear") if factor > 1 else images


WIDER: dict[str, Any] = {**SMALL, "width": 48}
# What a few hundred photographs or emojis show is known by the pretrained features.
FEATURES: dict[str, Any] = {
    "network": "features",
    "dropout": False,
    "residual": False,
    "width": 64,
    "learning_rate": 1e-3,
}

PHOTOS_DATA = DataOptions(data="photos", image_size=96, jitter=0.4, flip=True, channels="3")
PHOTOS_TRAINING = replace(EARTH_TRAINING, steps=2000, sample_every="500 or 10m")
PHOTOS: dict[str, Any] = {**EARTH, **FEATURES, "pixel_weight": 20.0}

Pix2Pix.presets = {
    "colours": Preset(
        about="photographs from their luma at 96×96: 2,000 steps, about 15 minutes on one core",
        options=Pix2PixOptions(**PHOTOS, keeps_luma=True),
        data=replace(PHOTOS_DATA, pair_by="grey"),
        training=PHOTOS_TRAINING,
    ),
    "drawings": Preset(
        about="photographs from line drawings at 96×96: 2,000 steps, about 20 minutes on one core",
        options=Pix2PixOptions(**PHOTOS, content_weight=10.0),
        data=replace(PHOTOS_DATA, pair_by="edges"),
        training=PHOTOS_TRAINING,
    ),
    "earth-small": Preset(
        about="relief map of the Earth to its satellite image at 64×64: 3,000 steps, about 10 "
        "minutes on one core",
        options=Pix2PixOptions(**EARTH, network="resnet", dropout=False, pixel_weight=10.0),
        data=EARTH_DATA,
        training=EARTH_TRAINING,
        fits=Fits(seconds=0.2),
    ),
    "emoji": Preset(
        about="Windows emojis to Apple's at 32×32 with a content loss: 8,000 steps, about 35 "
        "minutes on one core",
        options=Pix2PixOptions(
            **WIDER,
            network="resnet",
            dropout=False,
            warps=True,
            pixel_weight=40.0,
            content_weight=10.0,
        ),
        data=SMALL_DATA,
        training=replace(SMALL_TRAINING, steps=8000),
    ),
    "emoji-64": Preset(
        about="as emoji, at 64×64 from pretrained features: 8,000 steps, about 40 minutes on one "
        "core",
        options=Pix2PixOptions(**(SMALL | FEATURES), pixel_weight=10.0, content_weight=20.0),
        data=replace(SMALL_DATA, image_size=64),
        training=replace(SMALL_TRAINING, steps=8000),
    ),
    "emoji-small": Preset(
        about="Windows emojis to their Apple counterparts at 32×32: 8,400 steps, about 12 minutes "
        "on one core",
        options=Pix2PixOptions(
            **SMALL, network="resnet", dropout=False, warps=True, pixel_weight=20.0
        ),
        data=SMALL_DATA,
        training=replace(SMALL_TRAINING, steps=8400),
        fits=Fits(seconds=0.145, side=32),
    ),
    "paper": Preset(
        about="Isola et al. 2017, section 3 and appendix 6",
        options=Pix2PixOptions(),
        data=PAPER_DATA,
        training=PAPER_TRAINING,
        fits=Fits(device="gpu"),
    ),
    "small": Preset(
        about="any images on two cores, up to 96 pixels: 8,000 steps, about 27 minutes on one core "
        "at 64×64",
        options=Pix2PixOptions(**EARTH, network="resnet", dropout=False, pixel_weight=10.0),
        data=ANY_DATA,
        training=replace(EARTH_TRAINING, steps=8000, batch_size=8),
        fits=Fits(largest=96, passes=200, seconds=0.2),
    ),
    "small-256": Preset(
        about="as small, for larger images: 5,000 steps, about 25 minutes on one core at 256×256",
        options=Pix2PixOptions(**LARGE, network="resnet", dropout=False, pixel_weight=10.0),
        data=ANY_DATA,
        training=replace(EARTH_TRAINING, steps=5000, batch_size=2),
        fits=Fits(passes=200, seconds=0.29, side=256),
    ),
}
