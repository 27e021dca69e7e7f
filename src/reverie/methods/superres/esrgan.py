"""ESRGAN: SRGAN with RRDBNet (no batch norm), a relativistic average discriminator, and a content
loss on features before their activation. Wang et al. 2018.
"""

from dataclasses import dataclass
from typing import ClassVar

from reverie.core.options import NonNegative
from reverie.methods.recipe import Preset
from reverie.methods.superres.base import CROPS, DEFAULT_TRAINING, network_for_device
from reverie.methods.superres.srgan import SRGAN, STABLE, SRGANOptions


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
    presets: ClassVar = {}
    about = "ESRGAN: perceptual super-resolution with RRDBNet and a relativistic discriminator"
    main_options = ("scale", "width", "adversarial_weight", "degradation")

    @classmethod
    def default_preset(cls) -> Preset:
        options = ESRGANOptions(**STABLE, network=network_for_device("rrdb"))
        return Preset(about="the defaults", options=options, data=CROPS, training=DEFAULT_TRAINING)
