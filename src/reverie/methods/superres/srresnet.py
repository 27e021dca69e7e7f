"""SRResNet: super-resolution by pixel regression. Ledig et al. 2017, section 2.1.

The minimiser of a pixel loss averages all plausible high-resolution images (their mean for L2,
their median for L1): high PSNR, but smooth texture.
"""

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from torch.nn import functional as F

from reverie.core.rng import Rng
from reverie.data import Batch
from reverie.methods.base import Loss, Phase
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


@dataclass(frozen=True, kw_only=True)
class SRResNetOptions(SuperResolutionOptions):
    """Options of SRResNet: generator and pixel loss."""

    error: Literal["l1", "l2"] = "l1"
    """Pixel loss: mean absolute error (l1), or mean squared error (l2) as in the paper."""


class SRResNet(SuperResolution):
    """Super-resolution generator trained with a pixel loss."""

    Options = SRResNetOptions
    about = "SRResNet: super-resolution with a pixel loss, for high PSNR"
    main_options = ("scale", "network", "width", "degradation")
    tiny_options: ClassVar = {"width": 8, "blocks": 2}
    feature_network = "generator"

    @classmethod
    def default_preset(cls) -> Preset:
        options = SRResNetOptions(network=network_for_device("srresnet"))
        return Preset(about="the defaults", options=options, data=CROPS, training=DEFAULT_TRAINING)

    def phases(self) -> tuple[Phase, ...]:
        return (Phase(name="generator", networks=(self.generator,), loss=self.loss),)

    def loss(self, batch: Batch, rng: Rng) -> Loss:
        """Pixel loss between upscaled image and high-resolution target."""
        made = self.generator(self.small(batch, rng)).float()
        error = F.l1_loss if self.options.error == "l1" else F.mse_loss
        return error(made, batch.images), {}


SRResNet.presets = {
    "paper": Preset(
        about="Ledig et al. 2017, section 3.2: squared error, crops of 96, a million steps of 1e-4",
        options=SRResNetOptions(error="l2"),
        data=PAPER_CROPS,
        training=TrainOptions(steps=1_000_000, batch_size=16, ema_decay=0.0),
    ),
    "photos": Preset(
        about="as photos-small, with a network that also computes at full size, for srgan: 9,500 "
        "steps, about 20 minutes on one core",
        options=SRResNetOptions(network="msrresnet", width=32, blocks=8, learning_rate=6e-4),
        data=PHOTOS,
        training=replace(PHOTOS_TRAINING, steps=9500),
    ),
    "photos-large": Preset(
        about="as photos with a larger network, 0.7 million parameters, and quarter turns: 9,000 "
        "steps, about 60 minutes on one core",
        options=SRResNetOptions(network="msrresnet", width=48, blocks=12, learning_rate=5e-4),
        data=replace(PHOTOS, rotate=True, crop_candidates=2),
        training=replace(PHOTOS_TRAINING, steps=9000),
    ),
    "photos-small": Preset(
        about="photographs ×4: 15,600 steps, about 20 minutes on one core",
        options=SRResNetOptions(network="compact", width=48, blocks=12, learning_rate=1e-3),
        data=PHOTOS,
        training=replace(PHOTOS_TRAINING, steps=15_600),
        fits=Fits(seconds=0.13, side=96),
    ),
    "small": Preset(
        about="any photographs ×4 on two cores: 15,600 steps, about 35 minutes on one core",
        options=SRResNetOptions(network="compact", width=48, blocks=12, learning_rate=1e-3),
        data=OWN_PHOTOS,
        training=replace(PHOTOS_TRAINING, steps=15_600),
        fits=Fits(passes=1000, seconds=0.13, side=96),
    ),
}
