"""What CycleGAN, pix2pix and CUT share: generators by option, the pool of past pictures, and what
goes wrong so often that it is said in words.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reverie.core.options import Positive
from reverie.core.rng import Rng
from reverie.data import Batch, DataOptions
from reverie.methods.adversarial import AdversarialOptions
from reverie.methods.base import Loss, Phase
from reverie.methods.recipe import TrainOptions
from reverie.methods.translation.patchgan import PatchKind, discriminator
from reverie.methods.translation.resnet_generator import Resampling, ResNetGenerator
from reverie.methods.translation.unet_generator import UNetGenerator, unet_levels
from reverie.nn.augment import augment
from reverie.nn.losses import ADVERSARIAL, gradient_penalty, lazy_regularization
from reverie.nn.norms import NormName, initialize_weights

# The original's generator minimises (D - 1)², twice what `losses` has from Mao et al.; the weights
# of the other terms are meant beside it.
GENERATOR_LOSS_SCALE = {"lsgan": 2.0}


LossOf = Callable[[Batch, Rng], Loss]


WON = 0.9
"""Where a least-squares discriminator says more than this of real and less than 1 - this of made
pictures, it has won."""


INVERTED = -0.3


@dataclass(frozen=True, kw_only=True)
class TranslationOptions(AdversarialOptions):
    """What the options of every translator begin with."""

    network: Literal["resnet", "unet"] = "resnet"
    """The generator: CycleGAN's residual network, or pix2pix's U-Net."""
    width: Positive = 64
    """Channels of the generator at full size."""
    blocks: int = 0
    """Residual blocks; 0 takes 6 up to 128 pixels and 9 above."""
    norm: NormName = "instance"
    """Norm of the generator."""
    dropout: bool = False
    """Leave out half of the features inside the generator, in training."""
    resampling: Resampling = "transposed"
    """How the residual network changes size: transposed convolutions, nearest, or antialiased."""
    joins_input: bool = False
    """Show the picture again to the last layers, so that what stays need not be rebuilt."""
    residual: bool = False
    """Add what comes out to the picture, so that training begins near doing nothing."""
    warps: bool = False
    """Learn to move and zoom the whole picture first, where two looks fill the frame otherwise."""
    discriminator: PatchKind = "patch"
    """What is judged: patches, patches with a map of the picture's size over 2ⁿ, or pixels."""
    discriminator_width: int = 64
    """Channels of the discriminator's first layer."""
    discriminator_layers: int = 3
    """Its layers of stride 2: three see 70×70 pixels."""
    discriminator_norm: NormName = "instance"
    """Norm of the discriminator."""
    loss: str = "lsgan"


def build_generator(o: TranslationOptions, channels: int, image_size: int) -> nn.Module:
    """The generator that options describe, with the papers' initial weights."""
    if o.network == "unet":
        levels = unet_levels(image_size)
        network: nn.Module = UNetGenerator(channels, channels, o.width, levels, o.norm, o.dropout)
    else:
        blocks = o.blocks or (6 if image_size <= 128 else 9)
        network = ResNetGenerator(
            channels,
            channels,
            o.width,
            blocks,
            o.norm,
            o.dropout,
            o.resampling,
            o.joins_input,
            o.residual,
            o.warps,
        )
    initialize_weights(network, keeps_variance=o.norm == "none")
    if isinstance(network, ResNetGenerator) and o.residual:
        initialize_weights(network.head[-1])  # begins near doing nothing
    return network


def build_discriminator(o: TranslationOptions, channels: int) -> nn.Module:
    """The discriminator that options describe."""
    network = discriminator(
        o.discriminator,
        channels,
        o.discriminator_width,
        o.discriminator_layers,
        o.discriminator_norm,
        o.spectral_norm,
    )
    initialize_weights(network, keeps_variance=o.discriminator_norm == "none")
    return network


def translation_phases(
    o: TranslationOptions, generator: Phase, discriminator: Phase, penalty: LossOf
) -> tuple[Phase, ...]:
    """The updates of one step: the translator, its judges, and lazily R1 where it is asked for."""
    phases = [replace(generator, every=o.generator_every), discriminator]
    if o.r1:
        phases.append(replace(discriminator, name="penalty", loss=penalty, every=o.penalty_every))
    return tuple(phases)


@dataclass(frozen=True)
class DiscriminatorLoss:
    """A discriminator with its losses: what it minimises, and what the generator does."""

    network: nn.Module
    options: TranslationOptions

    def _logits(self, images: Tensor, rng: Rng) -> Tensor:
        return self.network(augment(images, self.options.augment, rng)).float()

    def discriminator_loss(self, real: Tensor, fake: Tensor, rng: Rng) -> Loss:
        """Real and made pictures in one call where no batch norm would mix them."""
        if self.options.discriminator_norm == "batch":
            real_logits, fake_logits = self._logits(real, rng), self._logits(fake, rng)
        else:
            real_logits, fake_logits = self._logits(torch.cat([real, fake]), rng).chunk(2)
        loss = ADVERSARIAL[self.options.loss].discriminator(real_logits, fake_logits)
        return loss, {"real": real_logits.mean(), "fake": fake_logits.mean()}

    def generator_loss(self, real: Tensor, fake: Tensor, rng: Rng) -> Tensor:
        """What a generator minimises for its picture to be taken for a real one."""
        pair = ADVERSARIAL[self.options.loss]
        fake_logits = self._logits(fake, rng)
        real_logits = self._logits(real, rng) if pair.needs_real else fake_logits
        return GENERATOR_LOSS_SCALE.get(self.options.loss, 1.0) * pair.generator(
            real_logits, fake_logits
        )

    def penalty(self, real: Tensor, rng: Rng) -> Tensor:
        """γ/2 R1 of the mean over the map, weighted by how seldom it is computed."""
        o = self.options
        slope = gradient_penalty(lambda x: self._logits(x, rng).mean((1, 2, 3)), real)
        return lazy_regularization(slope, o.r1, o.penalty_every)


class ImagePool(nn.Module):
    """Past generated pictures, so that a discriminator does not forget: Shrivastava et al. 2017.

    Half of the time a new picture changes places with one in the pool. The pool is part of the
    weights that a checkpoint keeps, so that a resumed run has the same one.
    """

    def __init__(self, size: int, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("pictures", torch.zeros(size, *shape))
        self.register_buffer("held", torch.zeros((), dtype=torch.long))
        self.pictures: Tensor
        self.held: Tensor

    @torch.no_grad()
    def exchange(self, fakes: Float[Tensor, "b c h w"], rng: Rng) -> Float[Tensor, "b c h w"]:
        """As many pictures, some of them from before; nothing waits for the device."""
        if self.size == 0:
            return fakes
        slots, coins = rng.integers(self.size, len(fakes)), rng.uniform(len(fakes))
        given = []
        for fake, slot, coin in zip(fakes.float(), slots, coins, strict=True):
            full = self.held >= self.size
            place = torch.where(full, slot, self.held.clamp(max=self.size - 1))[None]
            swaps = full & (coin < 0.5)
            kept = self.pictures[place][0]
            given.append(torch.where(swaps, kept, fake))
            self.pictures[place] = torch.where(swaps | ~full, fake, kept)[None]
            self.held += (~full).long()
        return torch.stack(given)


def reconstruction_error(
    one: Float[Tensor, "b c h w"], other: Float[Tensor, "b c h w"], smooth: float
) -> Tensor:
    """Mean |x - y|; differences below `smooth` count by their square.

    Without, |x - y| has a kink at 0 that holds a translator which begins as the identity.
    """
    if smooth == 0:
        return (one - other).abs().mean()
    return nn.functional.smooth_l1_loss(one, other, beta=smooth)


def luminance_correlation(one: Float[Tensor, "b c h w"], other: Float[Tensor, "b c h w"]) -> Tensor:
    """The correlation of two pictures' brightness: near -1, the colours are inverted."""
    a, b = (x.detach().float().mean(1).flatten(1) for x in (one, other))
    a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
    return ((a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1)).clamp(min=1e-6)).mean()


def diagnostics(losses: dict[str, float], loss: str) -> list[str]:
    """In words, what the log of a translator says is going wrong."""
    said = []
    for name, value in losses.items():
        phase, _, part = name.partition("/")
        if part.startswith("likeness") and value < INVERTED:
            said.append(
                f"the translated pictures are inverted ({name} is {value:.2f}): start again with "
                "another --seed, or with a larger --identity-weight."
            )
        if part.startswith("real") and loss == "lsgan":
            fake = losses.get(f"{phase}/fake{part.removeprefix('real')}", 0.5)
            if value > WON and fake < 1 - WON:
                said.append(
                    f"the discriminator has won ({name} {value:.2f}, fake {fake:.2f}): the "
                    "generator learns little from it; try --r1, --augment or a smaller "
                    "--discriminator-width."
                )
    return said


# Zhu et al. 2017 and Isola et al. 2017: batches of one image, 256 cropped at random from 286,
# flips, a learning rate that is constant and then falls to 0.
PAPER_DATA = DataOptions(jitter=0.117, flip=True)
PAPER_TRAINING = TrainOptions(batch_size=1, decay="linear", epochs=200.0, ema_decay=0.0)

SMALL_DATA = DataOptions(data="emoji", image_size=32)
SMALL_TRAINING = TrainOptions(
    batch_size=8, decay="linear", minutes=30.0, sample_every=2000, checkpoint_every=2000
)
# A residual generator starts near the identity, which the paper's recipe never beats on flat
# images; no norm in the discriminator, whose weights then keep the signal's variance; a receptive
# field of 34 pixels, R1 and translation augmentation for a dataset of three thousand images.
SMALL: dict[str, Any] = {
    "learning_rate": 5e-4,
    "beta2": 0.99,
    "width": 32,
    "blocks": 4,
    "norm": "group",
    "resampling": "nearest",
    "residual": True,
    "discriminator_norm": "none",
    "discriminator_layers": 2,
    "loss": "bce",
    "r1": 0.005,
    "penalty_every": 8,
    "augment": ("translation",),
}
