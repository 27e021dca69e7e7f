"""Shared parts of CycleGAN, pix2pix and CUT: options, networks, discriminator loss, image pool,
reconstruction error and diagnostics of the logged losses.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reverie.core.errors import UserError
from reverie.core.options import AtLeast, AtMost, DefaultOrLayerCount, LayerSize
from reverie.core.rng import Rng
from reverie.data import Batch, DataOptions, ImageSpec
from reverie.methods.adversarial import AdversarialOptions
from reverie.methods.base import Loss, Phase
from reverie.methods.recipe import TrainOptions
from reverie.methods.translation.feature_generator import FeatureGenerator, require_features
from reverie.methods.translation.patchgan import PatchKind, discriminator
from reverie.methods.translation.resnet_generator import Resampling, ResNetGenerator
from reverie.methods.translation.unet_generator import UNetGenerator, unet_levels
from reverie.nn.adversarial import ADVERSARIAL, gradient_penalty, lazy_regularization
from reverie.nn.augment import augment
from reverie.nn.norms import NormName, initialize_weights

# CycleGAN's reference code minimises (D(G(x)) - 1)², twice the generator loss of Mao et al. 2017,
# equation 9, in `nn.losses`; the weights of the other terms assume that scale.
GENERATOR_LOSS_SCALE = {"lsgan": 2.0}


LossOf = Callable[[Batch, Rng], Loss]


INVERTED = -0.3

GeneratorKind = Literal["resnet", "unet", "features"]


@dataclass(frozen=True, kw_only=True)
class TranslationOptions(AdversarialOptions):
    """Options common to all image-to-image translation methods."""

    network: GeneratorKind = "resnet"
    """Generator architecture: CycleGAN's residual network, pix2pix's U-Net, or a decoder of the
    features of EfficientNet-Lite0, which is pretrained and stays as it is."""
    width: LayerSize = 64
    """Channels of the generator at full resolution."""
    blocks: DefaultOrLayerCount = 0
    """Number of residual blocks; 0 selects 6 for images up to 128 pixels and 9 above."""
    norm: NormName = "instance"
    """Normalization layers of the generator."""
    dropout: bool = False
    """Dropout (p = 0.5) inside the generator during training."""
    resampling: Resampling = "transposed"
    """Resampling in the residual network: transposed convolutions, nearest, or antialiased."""
    joins_input: bool = False
    """Concatenate the input image to the features before the last layers (skip connection)."""
    residual: bool = False
    """Predict a residual that is added to the input; initialized close to the identity."""
    warps: bool = False
    """Learn a global affine transform of the input, for domains that differ in framing."""
    keeps_luma: bool = False
    """Give the output the luma of the input, so that only colours are learned: colourization."""
    discriminator: PatchKind = "patch"
    """PatchGAN, PatchGAN with a logit map of the image size over 2ⁿ, or one logit per pixel."""
    discriminator_width: LayerSize = 64
    """Channels of the discriminator's first layer."""
    discriminator_layers: Annotated[int, AtLeast(0), AtMost(16)] = 3
    """Stride-2 layers of the discriminator; 3 give a receptive field of 70×70 pixels."""
    discriminator_norm: NormName = "instance"
    """Normalization layers of the discriminator."""
    loss: str = "lsgan"


def build_generator(o: TranslationOptions, spec: ImageSpec) -> nn.Module:
    """Generator configured by the options, initialized as in the papers.

    Raises:
        UserError: if it is to keep the luma of images without colours.
    """
    channels = spec.channels
    if o.keeps_luma and channels != 3:
        raise UserError("--keeps-luma needs images with colours: leave it out, or --channels 3.")
    if o.network == "features":
        decoder = FeatureGenerator(channels, channels, o.width, o.norm, o.keeps_luma)
        initialize_weights(decoder.head[-1])  # close to gray; PyTorch's own before it
        return decoder
    if o.network == "unet":
        levels = unet_levels(spec.size)
        network: nn.Module = UNetGenerator(
            channels, channels, o.width, levels, o.norm, o.dropout, o.keeps_luma
        )
    else:
        blocks = o.blocks or (6 if max(spec.size) <= 128 else 9)
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
            o.keeps_luma,
        )
    initialize_weights(network, keeps_variance=o.norm == "none")
    if isinstance(network, ResNetGenerator) and o.residual:
        initialize_weights(network.head[-1])  # close to the identity
    return network


def build_discriminator(o: TranslationOptions, channels: int) -> nn.Module:
    """Discriminator configured by the options, initialized as in the papers."""
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
    """Phases of one training step: generator, discriminator, and the R1 penalty if `r1` > 0.

    Raises:
        UserError: if the pretrained features that the generator decodes are not installed.
    """
    if o.network == "features":
        require_features()
    phases = [
        replace(generator, every=o.generator_every),
        replace(discriminator, every=o.discriminator_every),
    ]
    if o.r1:
        phases.append(replace(discriminator, name="penalty", loss=penalty, every=o.penalty_every))
    return tuple(phases)


@dataclass(frozen=True)
class DiscriminatorLoss:
    """Adversarial losses of one discriminator, and of the generator against it."""

    network: nn.Module
    options: TranslationOptions

    def _logits(self, images: Tensor, rng: Rng) -> Tensor:
        return self.network(augment(images, self.options.augment, rng)).float()

    def discriminator_loss(self, real: Tensor, fake: Tensor, rng: Rng) -> Loss:
        """Adversarial loss of the discriminator, its mean logits and probabilities.

        Real and generated images share one forward pass unless batch norm would mix them.
        """
        if self.options.discriminator_norm == "batch":
            real_logits, fake_logits = self._logits(real, rng), self._logits(fake, rng)
        else:
            real_logits, fake_logits = self._logits(torch.cat([real, fake]), rng).chunk(2)
        pair = ADVERSARIAL[self.options.loss]
        loss = pair.discriminator(real_logits, fake_logits)
        return loss, pair.log_parts(real_logits, fake_logits)

    def generator_loss(self, real: Tensor, fake: Tensor, rng: Rng) -> Tensor:
        """Adversarial loss of the generator."""
        pair = ADVERSARIAL[self.options.loss]
        fake_logits = self._logits(fake, rng)
        real_logits = self._logits(real, rng) if pair.needs_real else fake_logits
        return GENERATOR_LOSS_SCALE.get(self.options.loss, 1.0) * pair.generator(
            real_logits, fake_logits
        )

    def penalty(self, real: Tensor, rng: Rng) -> Tensor:
        """Lazy R1 penalty γ/2 E‖∇D‖² on real images, with D averaged over its logit map."""
        o = self.options
        slope = gradient_penalty(lambda x: self._logits(x, rng).mean((1, 2, 3)), real)
        return lazy_regularization(slope, o.r1, o.penalty_every)


class ImagePool(nn.Module):
    """History of generated images shown to the discriminator: Shrivastava et al. 2017.

    Once the pool is full, a new image is exchanged for a pooled one with probability 1/2. The pool
    is stored in buffers, so a checkpoint contains it and a resumed run continues with it.
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
        """A batch of the same size with some images from the pool; needs no device sync."""
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
    """Mean L1 distance, or smooth L1 (Huber) with threshold β = `smooth` if that is above 0.

    The kink of L1 at 0 can trap a generator that is initialized as the identity.
    """
    if smooth == 0:
        return (one - other).abs().mean()
    return nn.functional.smooth_l1_loss(one, other, beta=smooth)


def luminance_correlation(one: Float[Tensor, "b c h w"], other: Float[Tensor, "b c h w"]) -> Tensor:
    """Mean Pearson correlation of the images' luminance (channel mean); -1 means inverted."""
    a, b = (x.detach().float().mean(1).flatten(1) for x in (one, other))
    a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
    return ((a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1)).clamp(min=1e-6)).mean()


def diagnostics(losses: dict[str, float]) -> list[str]:
    """Warnings of inverted colours, derived from the logged correlations."""
    return [
        f"the translated images are inverted ({name} is {value:.2f}): start again with "
        "another --seed, or with a larger --identity-weight."
        for name, value in losses.items()
        if "/likeness" in name and value < INVERTED
    ]


# Zhu et al. 2017 and Isola et al. 2017: batches of one image, 256 cropped at random from 286,
# flips, a learning rate that is constant and then falls to 0.
PAPER_DATA = DataOptions(jitter=0.117, flip=True)
PAPER_TRAINING = TrainOptions(batch_size=1, decay="linear", epochs=200.0, ema_decay=0.0)

SMALL_DATA = DataOptions(data="emoji", image_size=32)
SMALL_TRAINING = TrainOptions(
    batch_size=8, decay="linear", sample_every="2000 or 5m", checkpoint_every="2000 or 5m"
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


EARTH_DATA = DataOptions(data="earth", image_size=64, jitter=0.125, flip=True)
EARTH_TRAINING = replace(
    SMALL_TRAINING,
    steps=3000,
    ema_decay=0.995,
    sample_every="500 or 5m",
    checkpoint_every="500 or 5m",
)
# Coasts and mountains stay where they are and only colours change, for which the residual generator
# is made.
EARTH: dict[str, Any] = {**SMALL, "width": 24, "discriminator_width": 32, "augment": ()}

# The same for images of one's own; from 96 pixels on with narrower networks, and a discriminator
# that sees as large a part of an image as at 64.
ANY_DATA = replace(EARTH_DATA, data=None, image_size=None)
LARGE: dict[str, Any] = {
    **EARTH,
    "width": 12,
    "discriminator_width": 16,
    "discriminator_layers": 3,
}
