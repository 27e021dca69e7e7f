"""The recipes behind the names in `presets`: functions that return a `Recipe`."""

from dataclasses import replace
from typing import Any, Literal

import torch

from reverie.data import DataOptions
from reverie.methods import METHODS
from reverie.methods.diffusion.diffusion import DiffusionOptions
from reverie.methods.gan.cgan import CGANOptions
from reverie.methods.gan.dcgan import DCGANOptions
from reverie.methods.gan.gan import GANOptions
from reverie.methods.gan.inversion import GANInversionOptions
from reverie.methods.recipe import Recipe, TrainOptions
from reverie.methods.superres.networks import Family
from reverie.methods.superres.srgan import SRGANOptions
from reverie.methods.superres.srresnet import SRResNetOptions
from reverie.methods.translation.cut import CUTOptions
from reverie.methods.translation.cyclegan import CycleGANOptions
from reverie.methods.translation.pix2pix import Pix2PixOptions
from reverie.methods.vae import VAEOptions

DIGITS = DataOptions(data="digits")


CROPS = DataOptions(image_size=128, resize="none", flip=True)


def digits_vae(latent_size: int) -> Recipe:
    """A VAE of digits in a minute; with 2 latents the whole plane can be drawn."""
    return Recipe(
        method="vae",
        options=VAEOptions(latent_size=latent_size),
        data=DIGITS,
        training=TrainOptions(steps=6000, decay="cosine"),
    )


def digits_gan(latent_size: int) -> Recipe:
    """The plain GAN of digits in a minute."""
    return Recipe(
        method="gan",
        options=GANOptions(latent_size=latent_size),
        data=DIGITS,
        training=TrainOptions(minutes=1.0),
    )


def digits_dcgan() -> Recipe:
    """Today's DCGAN of digits in three minutes."""
    return Recipe(
        method="dcgan",
        options=DCGANOptions(width=32, learning_rate=1.5e-3, beta2=0.99, r1=0.1, r2=0.1),
        data=DIGITS,
        training=TrainOptions(minutes=2.5, decay="cosine"),
    )


def digits_cgan() -> Recipe:
    """The digits that are asked for, in three minutes."""
    return Recipe(
        method="cgan",
        options=CGANOptions(width=32, learning_rate=1.5e-3, beta2=0.99, r1=0.1, r2=0.1),
        data=DIGITS,
        training=TrainOptions(minutes=2.5, decay="cosine"),
    )


def digits_diffusion(objective: Literal["edm", "flow", "v", "ddpm"]) -> Recipe:
    """The digits that are asked for, by diffusion, in three minutes."""
    return Recipe(
        method="diffusion",
        options=DiffusionOptions(objective=objective, width=64, multipliers=(1, 1), attention=()),
        data=DIGITS,
        training=TrainOptions(minutes=3.0, decay="cosine", decay_from=0.3),
    )


def dcgan_paper() -> Recipe:
    """Radford et al. 2015, section 4: BCE, batch norm in both networks, Adam 2e-4."""
    return Recipe(
        method="dcgan",
        options=DCGANOptions(loss="bce", r1=0.0, r2=0.0, discriminator_norm="batch"),
        training=TrainOptions(batch_size=128, ema_decay=0.0),
    )


def cgan_paper() -> Recipe:
    """The label as one more channel and joined with the noise; BCE, batch norm, Adam 2e-4."""
    return Recipe(
        method="cgan",
        options=CGANOptions(
            loss="bce",
            r1=0.0,
            r2=0.0,
            discriminator_norm="batch",
            condition="channel",
            conditional_norm=False,
        ),
        training=TrainOptions(batch_size=128, ema_decay=0.0),
    )


def modern(method: str) -> Recipe:
    """The defaults, with augmentation for sets of a few thousand pictures."""
    options = {"dcgan": DCGANOptions, "cgan": CGANOptions}[method]
    return Recipe(method=method, options=options(augment=("colour", "translation", "cutout")))


# Zhu et al. 2017 and Isola et al. 2017: one picture a step, 256 cut at random from 286, mirrored,
# the step size constant and then falling to 0.
TRANSLATION_DATA = DataOptions(jitter=0.117, flip=True)


TRANSLATION_TRAINING = TrainOptions(batch_size=1, decay="linear", epochs=200.0, ema_decay=0.0)


def cyclegan_paper() -> Recipe:
    """Zhu et al. 2017, section 4 and appendix 7."""
    return Recipe(
        method="cyclegan",
        options=CycleGANOptions(),
        data=TRANSLATION_DATA,
        training=TRANSLATION_TRAINING,
    )


EMOJI_DATA = DataOptions(data="emoji", image_size=32)


EMOJI_TRAINING = TrainOptions(
    batch_size=8, decay="linear", minutes=30.0, sample_every=2000, checkpoint_every=2000
)


# Begins near doing nothing, which the textbook's recipe never beats on flat pictures; no norm that
# would make noise of them; what a discriminator needs when there are three thousand pictures:
# weights that keep the signal's size, and patches of 34 pixels, as small as what goes wrong.
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


SMALL_CYCLEGAN = CycleGANOptions(**SMALL, cycle_weight=5.0, identity_weight=0.4, smooth=0.2)


def cyclegan_emoji_small() -> Recipe:
    """Windows' and Apple's emojis at 32×32 on a processor.

    A strong identity term and few steps: who goes further comes nearer to each emoji's counterpart,
    but leaves the look of real ones.
    """
    return Recipe(
        method="cyclegan",
        options=replace(SMALL_CYCLEGAN, identity_weight=1.5, learning_rate=3e-4),
        data=EMOJI_DATA,
        training=replace(EMOJI_TRAINING, minutes=None, steps=1700),
    )


def cyclegan_faces_small() -> Recipe:
    """Drawn faces without and with glasses at 32×32 on a processor."""
    return Recipe(
        method="cyclegan",
        options=SMALL_CYCLEGAN,
        data=DataOptions(data="faces", image_size=32, flip=True),
        training=EMOJI_TRAINING,
    )


def pix2pix_emoji_small() -> Recipe:
    """The same emojis with their true counterparts."""
    return Recipe(
        method="pix2pix",
        options=Pix2PixOptions(
            **SMALL, network="resnet", dropout=False, warps=True, pixel_weight=20.0
        ),
        data=EMOJI_DATA,
        training=EMOJI_TRAINING,
    )


def cut_emoji_small() -> Recipe:
    """The same emojis by contrast instead of a cycle."""
    return Recipe(
        method="cut",
        options=CUTOptions(**SMALL, places=64),
        data=EMOJI_DATA,
        training=EMOJI_TRAINING,
    )


def pix2pix_paper() -> Recipe:
    """Isola et al. 2017, section 3 and appendix 6."""
    return Recipe(
        method="pix2pix",
        options=Pix2PixOptions(),
        data=TRANSLATION_DATA,
        training=TRANSLATION_TRAINING,
    )


def cut_paper() -> Recipe:
    """Park et al. 2020, section 4: CUT, 200 + 200 epochs."""
    return Recipe(
        method="cut",
        options=CUTOptions(),
        data=TRANSLATION_DATA,
        training=replace(TRANSLATION_TRAINING, epochs=400.0),
    )


def fastcut() -> Recipe:
    """Park et al. 2020, section 4: FastCUT, 150 + 50 epochs."""
    return Recipe(
        method="cut",
        options=CUTOptions(contrast_weight=10.0, identity_contrast=False, flip_equivariance=True),
        data=TRANSLATION_DATA,
        training=replace(TRANSLATION_TRAINING, decay_from=0.75),
    )


HELD: dict[str, float] = {"adversarial_weight": 5e-3, "pixel_weight": 20.0, "r1": 0.05}
"""The pixels' gradient is a hundredth of the content's: a weight of 20 makes it a fifth, without
which the network draws grids that only the content's network likes. R1 keeps a discriminator of few
photographs from knowing them by heart."""


def upscaling(method: str) -> Recipe:
    """Crops of 128; on a processor the compact network, whose convolutions are all small."""
    options: dict[str, Any] = {"network": upscaling_network(method)}
    if method != "srresnet":
        options |= HELD
    return Recipe(
        method=method,
        options=METHODS[method].Options(**options),
        data=CROPS,
        training=TrainOptions(batch_size=16, decay="cosine"),
    )


def upscaling_network(method: str) -> Family:
    """What a method uses where nobody said: the papers' networks want a GPU."""
    if not torch.cuda.is_available():
        return "compact"
    return "rrdb" if method == "esrgan" else "srresnet"


def srresnet_paper() -> Recipe:
    """Ledig et al. 2017, section 3.2: squared error, crops of 96, a million steps of 1e-4."""
    return Recipe(
        method="srresnet",
        options=SRResNetOptions(error="l2"),
        data=replace(CROPS, image_size=96, flip=False),
        training=TrainOptions(steps=1_000_000, batch_size=16, ema_decay=0.0),
    )


def srgan_paper() -> Recipe:
    """Ledig et al. 2017, section 3.2: 10⁵ steps of 1e-4 and as many of 1e-5, from an SRResNet.

    But for the content, which is relative to the features' size.
    """
    return Recipe(
        method="srgan",
        options=SRGANOptions(),
        data=replace(CROPS, image_size=96, flip=False),
        training=TrainOptions(
            steps=200_000, batch_size=16, decay="linear", decay_from=0.9, ema_decay=0.0
        ),
    )


PHOTOS = DataOptions(data="photos", image_size=96, resize="none", flip=True, channels="3")


PHOTOS_TRAINING = TrainOptions(
    batch_size=16, decay="cosine", decay_from=0.3, warmup_steps=100, sample_every=2000
)


def srresnet_photos_small() -> Recipe:
    """Photographs four times larger, learnt on a processor in twenty minutes."""
    return Recipe(
        method="srresnet",
        options=SRResNetOptions(network="compact", width=48, blocks=12, learning_rate=1e-3),
        data=PHOTOS,
        training=replace(PHOTOS_TRAINING, minutes=20.0),
    )


def srresnet_photos() -> Recipe:
    """The same with a network that also draws at full size, where srgan has more to begin from."""
    return Recipe(
        method="srresnet",
        options=SRResNetOptions(network="msrresnet", width=32, blocks=8, learning_rate=6e-4),
        data=PHOTOS,
        training=replace(PHOTOS_TRAINING, minutes=20.0),
    )


def srgan_photos_small() -> Recipe:
    """Either of them, then adversarially: begin it with --init, which brings the network."""
    return Recipe(
        method="srgan",
        options=SRGANOptions(
            **HELD,  # type: ignore[arg-type]
            network="compact",
            width=48,
            blocks=12,
            learning_rate=4e-4,
            discriminator_width=16,
        ),
        data=PHOTOS,
        training=replace(PHOTOS_TRAINING, batch_size=8, minutes=15.0),
    )


FACES = DataOptions(data="faces", image_size=32)


def vae_faces_small() -> Recipe:
    """Drawn faces at 32×32 whose latents add up, on a processor."""
    return Recipe(
        method="vae",
        options=VAEOptions(
            latent_size=64,
            network="convolutional",
            likelihood="gaussian",
            sigma=0.07,
            latent_weight=1.0,
        ),
        data=FACES,
        training=TrainOptions(minutes=15.0, decay="cosine"),
    )


def dcgan_faces_small() -> Recipe:
    """The same faces from a DCGAN, for which `encoder` finds latents."""
    return Recipe(
        method="dcgan",
        options=DCGANOptions(
            latent_size=32,
            width=32,
            learning_rate=1.5e-3,
            beta2=0.99,
            r1=0.1,
            r2=0.1,
            latent_weight=2.0,
        ),
        data=FACES,
        training=TrainOptions(minutes=20.0, decay="cosine"),
    )


def encoder_faces_small() -> Recipe:
    """An encoder for it."""
    return Recipe(
        method="encoder",
        options=GANInversionOptions(),
        data=FACES,
        training=TrainOptions(minutes=10.0, decay="cosine"),
    )
