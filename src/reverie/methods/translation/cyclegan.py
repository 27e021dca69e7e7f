"""CycleGAN: unpaired image-to-image translation with cycle consistency.

Zhu et al. 2017. The loss is the paper's: adversarial + cycle-consistency + identity. A step makes
three generator calls instead of six, because the inputs for translation, cycle reconstruction and
identity mapping are concatenated into one batch; instance norm normalizes each image separately,
so the result is the same.
"""

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn

from reverie.core.options import AtLeast, AtMost, Direction, NonNegative
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
    ImagePool,
    TranslationOptions,
    build_discriminator,
    build_generator,
    diagnostics,
    luminance_correlation,
    reconstruction_error,
    translation_phases,
)


@dataclass(frozen=True, kw_only=True)
class CycleGANOptions(TranslationOptions):
    """Options of CycleGAN: two generators and two discriminators."""

    cycle_weight: NonNegative = 10.0
    """Weight of the cycle-consistency loss |F(G(a)) - a| of domain A, with G: A → B, F: B → A."""
    cycle_weight_b: NonNegative | None = None
    """Weight of the cycle-consistency loss |G(F(b)) - b| of domain B; by default as for A."""
    identity_weight: NonNegative = 0.5
    """Weight of the identity losses |F(a) - a| and |G(b) - b|, relative to the cycle weights."""
    cycle_noise: NonNegative = 0.0
    """Standard deviation of Gaussian noise added to a translation before its reconstruction,
    against information hidden in it (Chu et al. 2017)."""
    smooth: NonNegative = 0.0
    """Threshold β of the smooth L1 loss for cycle and identity losses; 0 is plain L1."""
    pool_size: Annotated[int, AtLeast(0), AtMost(2**16)] = 50
    """Size of the pool of past translations shown to the discriminators; 0 turns it off."""


class CycleGAN(Method):
    """Unpaired translation in both directions, A to B and B to A."""

    Options = CycleGANOptions
    data_kind = "unpaired"
    averaged = ("generator_ab", "generator_ba")
    training_only = ("pool_a", "pool_b")
    directions = ("ab", "ba")
    about = "CycleGAN: unpaired image-to-image translation with cycle consistency"
    main_options = ("cycle_weight", "identity_weight", "network", "width")
    unused_options = ("r2", "latent_weight")
    tiny_options: ClassVar = {"width": 4, "discriminator_width": 4, "blocks": 1}
    feature_network = "discriminator_b"
    image_networks: ClassVar = {
        "generator_ab": 1,
        "discriminator_b": 1,
    }  # as those of the other way

    def __init__(self, options: CycleGANOptions, spec: ImageSpec) -> None:
        super().__init__(options, spec)
        shape = (spec.channels, spec.height, spec.width)
        self.generator_ab = build_generator(options, spec)
        self.generator_ba = build_generator(options, spec)
        self.discriminator_a = build_discriminator(options, spec.channels)
        self.discriminator_b = build_discriminator(options, spec.channels)
        self.pool_a, self.pool_b = (ImagePool(options.pool_size, shape) for _ in "ab")
        self._fakes: FakeQueue[tuple[Tensor, Tensor]] = FakeQueue()

    @classmethod
    def default_preset(cls) -> Preset:
        return cls.presets["paper"]

    def phases(self) -> tuple[Phase, ...]:
        generators = Phase(
            name="generators",
            networks=(self.generator_ab, self.generator_ba),
            loss=self.generators_loss,
        )
        discriminators = Phase(
            name="discriminators",
            networks=(self.discriminator_a, self.discriminator_b),
            loss=self.discriminators_loss,
        )
        return translation_phases(self.options, generators, discriminators, self.penalty_loss)

    def _translate(self, generator: nn.Module, *images: Tensor) -> list[Tensor]:
        """Translations of several batches, in one forward pass unless batch norm would mix them."""
        if self.options.norm == "batch":
            return [generator(x).float() for x in images]
        made = generator(torch.cat(images)).float()
        return list(made.split([len(x) for x in images]))

    def generators_loss(self, batch: Batch, rng: Rng) -> Loss:
        """Adversarial + cycle-consistency + identity loss of both generators."""
        o = self.options
        a, b = batch.images, batch.domain_b
        weight_b = o.cycle_weight if o.cycle_weight_b is None else o.cycle_weight_b
        stays_a, stays_b = ((a,), (b,)) if o.identity_weight else ((), ())
        (fake_a,) = self._translate(self.generator_ba, b)
        shown_a = self._noisy(fake_a, rng)
        fake_b, back_b, *same_b = self._translate(self.generator_ab, a, shown_a, *stays_b)
        back_a, *same_a = self._translate(self.generator_ba, self._noisy(fake_b, rng), *stays_a)
        self._fakes.push((fake_a.detach(), fake_b.detach()))
        critic_a, critic_b = (
            DiscriminatorLoss(self.discriminator_a, o),
            DiscriminatorLoss(self.discriminator_b, o),
        )
        parts = {
            "adversarial_ab": critic_b.generator_loss(b, fake_b, rng),
            "adversarial_ba": critic_a.generator_loss(a, fake_a, rng),
            "cycle_a": reconstruction_error(back_a, a, o.smooth),
            "cycle_b": reconstruction_error(back_b, b, o.smooth),
        }
        loss = parts["adversarial_ab"] + parts["adversarial_ba"]
        loss = loss + o.cycle_weight * parts["cycle_a"] + weight_b * parts["cycle_b"]
        if o.identity_weight:
            parts["identity_a"] = reconstruction_error(same_a[0], a, o.smooth)
            parts["identity_b"] = reconstruction_error(same_b[0], b, o.smooth)
            same = o.cycle_weight * parts["identity_a"] + weight_b * parts["identity_b"]
            loss = loss + o.identity_weight * same
        parts |= {
            "likeness_ab": luminance_correlation(a, fake_b),
            "likeness_ba": luminance_correlation(b, fake_a),
        }
        return loss, parts

    def _noisy(self, images: Tensor, rng: Rng) -> Tensor:
        """Images with Gaussian noise added.

        Generators can hide the information for the reconstruction in an imperceptible signal:
        Chu et al. 2017.
        """
        sigma = self.options.cycle_noise
        return images + sigma * rng.normal(*images.shape) if sigma else images

    def discriminators_loss(self, batch: Batch, rng: Rng) -> Loss:
        """Adversarial loss of both discriminators: real images against pooled translations."""
        a, b = batch.images, batch.domain_b

        def recompute() -> tuple[Tensor, Tensor]:
            with torch.no_grad():
                return self.generator_ba(b).float(), self.generator_ab(a).float()

        fake_a, fake_b = self._fakes.pop(recompute)
        fake_a, fake_b = self.pool_a.exchange(fake_a, rng), self.pool_b.exchange(fake_b, rng)
        critic_a, critic_b = (
            DiscriminatorLoss(self.discriminator_a, self.options),
            DiscriminatorLoss(self.discriminator_b, self.options),
        )
        loss_a, parts_a = critic_a.discriminator_loss(a, fake_a, rng)
        loss_b, parts_b = critic_b.discriminator_loss(b, fake_b, rng)
        parts = {f"{k}_a": v for k, v in parts_a.items()}
        return loss_a + loss_b, parts | {f"{k}_b": v for k, v in parts_b.items()}

    def penalty_loss(self, batch: Batch, rng: Rng) -> Loss:
        """R1 penalty of both discriminators."""
        pairs = ((self.discriminator_a, batch.images), (self.discriminator_b, batch.domain_b))
        return sum(DiscriminatorLoss(d, self.options).penalty(x, rng) for d, x in pairs), {}  # type: ignore[return-value]

    def diagnostics(self, losses: dict[str, float]) -> list[str]:
        return diagnostics(losses)

    def translator(self, direction: Direction) -> nn.Module:
        return self.generator_ab if direction == "ab" else self.generator_ba

    def previews(
        self, latents: Tensor | None, labels: Tensor | None, batch: Batch
    ) -> dict[str, Preview]:
        """Rows of input image, translation and cycle reconstruction, for both directions."""
        ways: tuple[tuple[Direction, Direction, Tensor], ...] = (
            ("ab", "ba", batch.images),
            ("ba", "ab", batch.domain_b),
        )
        said = {}
        for way, back, images in ways:
            there = self.translator(way)(images)
            shown = Preview.of_groups(images, there, self.translator(back)(there))
            said["samples" if way == "ab" else way] = shown
        return said


_SMALL_OPTIONS = CycleGANOptions(**SMALL, cycle_weight=5.0, identity_weight=0.4, smooth=0.2)

CycleGAN.presets = {
    "earth-small": Preset(
        about="relief map of the Earth and its satellite image at 64×64: 3,000 steps, about 15 "
        "minutes on one core",
        options=CycleGANOptions(**EARTH, cycle_weight=5.0, identity_weight=0.0),
        data=EARTH_DATA,
        training=replace(EARTH_TRAINING, batch_size=4),
        fits=Fits(seconds=0.38),
    ),
    # A strong identity loss and few steps: longer training comes nearer to each emoji's counterpart
    # and leaves the distribution of real ones.
    "bce": Preset(
        about="as paper, with binary cross-entropy in place of least squares: BCE + L1",
        options=CycleGANOptions(loss="bce"),
        data=PAPER_DATA,
        training=PAPER_TRAINING,
    ),
    "emoji-small": Preset(
        about="Windows and Apple emojis at 32×32: 1,700 steps, about 6 minutes on one core",
        options=replace(_SMALL_OPTIONS, identity_weight=1.5, learning_rate=3e-4),
        data=SMALL_DATA,
        training=replace(SMALL_TRAINING, steps=1700),
        fits=Fits(seconds=0.54, side=32),
    ),
    "faces-64": Preset(
        about="drawn faces without and with glasses at 64×64: 4,800 steps, about 45 minutes on one "
        "core",
        options=replace(_SMALL_OPTIONS, width=24, discriminator_layers=3),
        data=DataOptions(data="faces", image_size=64, flip=True),
        training=replace(SMALL_TRAINING, steps=4800, batch_size=4, ema_decay=0.998),
    ),
    "faces-small": Preset(
        about="drawn faces without and with glasses at 32×32: 4,800 steps, about 20 minutes on one "
        "core",
        options=_SMALL_OPTIONS,
        data=DataOptions(data="faces", image_size=32, flip=True),
        training=replace(SMALL_TRAINING, steps=4800),
        fits=Fits(seconds=0.48, side=32),
    ),
    "paper": Preset(
        about="Zhu et al. 2017, section 4 and appendix 7",
        options=CycleGANOptions(),
        data=PAPER_DATA,
        training=PAPER_TRAINING,
        fits=Fits(device="gpu"),
    ),
    "patch-8x8": Preset(
        about="as paper at 128×128, discriminator C64-C128-C256-C512 of stride 2 to an 8×8 map",
        options=CycleGANOptions(discriminator="patch-same", discriminator_layers=4),
        data=replace(PAPER_DATA, image_size=128),
        training=PAPER_TRAINING,
    ),
    "small": Preset(
        about="any images on two cores, up to 96 pixels: 5,000 steps, about 35 minutes on one core "
        "at 64×64",
        options=CycleGANOptions(**EARTH, cycle_weight=5.0, identity_weight=0.0),
        data=ANY_DATA,
        training=replace(EARTH_TRAINING, steps=5000, batch_size=4),
        fits=Fits(largest=96, passes=200, seconds=0.39),
    ),
    "small-256": Preset(
        about="as small, for larger images: 5,000 steps, about 45 minutes on one core at 256×256",
        options=CycleGANOptions(**LARGE, cycle_weight=5.0, identity_weight=0.0),
        data=ANY_DATA,
        training=replace(EARTH_TRAINING, steps=5000, batch_size=1),
        fits=Fits(passes=200, seconds=0.52, side=256),
    ),
}
