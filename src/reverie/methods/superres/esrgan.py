"""ESRGAN: SRGAN with a deeper network without norms, a discriminator that compares, and features
before their activation. Wang et al. 2018.
"""

from dataclasses import dataclass
from typing import ClassVar

from reverie.core.options import NonNegative
from reverie.methods.recipe import Preset
from reverie.methods.superres.base import CROPS, DEFAULT_TRAINING, network_for_device
from reverie.methods.superres.srgan import SRGAN, STABLE, SRGANOptions


@dataclass(frozen=True, kw_only=True)
class ESRGANOptions(SRGANOptions):
    """SRGAN's options with the values of the paper."""

    network: str = "rrdb"
    loss: str = "relativistic-average"
    adversarial_weight: NonNegative = 5e-3
    pixel_weight: NonNegative = 1e-2


class ESRGAN(SRGAN):
    """RRDBNet against a relativistic average discriminator."""

    Options = ESRGANOptions
    presets: ClassVar = {}
    about = "ESRGAN: enlarge pictures so that they look real, with a deeper network"

    @classmethod
    def default_preset(cls) -> Preset:
        options = ESRGANOptions(**STABLE, network=network_for_device("rrdb"))
        return Preset(about="the defaults", options=options, data=CROPS, training=DEFAULT_TRAINING)
