"""ESRGAN: SRGAN with RRDBNet (no batch norm), a relativistic average discriminator, and a content
loss on features before their activation. Wang et al. 2018.
"""

from dataclasses import dataclass

from reverie.core.options import NonNegative
from reverie.methods.recipe import Fits, Preset, TrainOptions
from reverie.methods.superres.base import (
    CROPS,
    DEFAULT_TRAINING,
    OWN_PHOTOS,
    network_for_device,
)
from reverie.methods.superres.srgan import SMALL, SMALL_TRAINING, SRGAN, STABLE, SRGANOptions


@dataclass(frozen=True, kw_only=True)
class ESRGANOptions(SRGANOptions):
    """Options of SRGAN with the values of the ESRGAN paper."""

    network: str = "rrdb"
    loss: str = "relativistic-average"
    adversarial_weight: NonNegative = 5e-3
    pixel_weight: NonNegative = 1e-2


class ESRGAN(SRGAN):
    """Super-resolution by RRDBNet with a relativistic average discriminator."""

    Options = ESRGANOptions
    about = "ESRGAN: perceptual super-resolution with RRDBNet and a relativistic discriminator"
    main_options = ("scale", "width", "adversarial_weight", "degradation")

    @classmethod
    def default_preset(cls) -> Preset:
        options = ESRGANOptions(**STABLE, network=network_for_device("rrdb"))
        return Preset(about="the defaults", options=options, data=CROPS, training=DEFAULT_TRAINING)


ESRGAN.presets = {
    "paper": Preset(
        about="Wang et al. 2018, section 4.1: crops of 128, 4·10⁵ steps of 1e-4, from an SRResNet "
        "with --network rrdb",
        options=ESRGANOptions(),
        data=CROPS,
        training=TrainOptions(steps=400_000, batch_size=16, ema_decay=0.0),
        fits=Fits(device="gpu"),
    ),
    "small": Preset(
        about="any photographs on two cores, from srresnet:small named by --init: 4,600 steps, "
        "about 35 minutes on one core",
        options=ESRGANOptions(**SMALL),
        data=OWN_PHOTOS,
        training=SMALL_TRAINING,
        fits=Fits(passes=1000, seconds=0.46, side=96),
    ),
}
