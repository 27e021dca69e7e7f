"""ESRGAN: SRGAN with a deeper network without norms, a discriminator that compares, and features
before their activation. Wang et al. 2018.
"""

from dataclasses import dataclass
from typing import Literal

from reverie.methods.superres.networks import Family
from reverie.methods.superres.srgan import SRGAN, SRGANOptions


@dataclass(frozen=True, kw_only=True)
class ESRGANOptions(SRGANOptions):
    """SRGAN's options with the values of the paper."""

    network: Family = "rrdb"
    """The network: srresnet, rrdb (ESRGAN's), compact (for processors), or msrresnet."""
    loss: Literal["bce", "relativistic-average"] = "relativistic-average"
    """What the two sides minimise."""
    adversarial_weight: float = 5e-3
    """Weight of the wish to be taken for real."""
    pixel_weight: float = 1e-2
    """Weight of the mean absolute error of the pixels."""


class ESRGAN(SRGAN):
    """RRDBNet against a relativistic average discriminator."""

    Options = ESRGANOptions
    about = "ESRGAN: enlarge pictures so that they look real, with a deeper network"
