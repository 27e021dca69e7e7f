"""SRResNet: enlarge by what every pixel most likely is. Ledig et al. 2017, section 2.1.

The mean of all sharp pictures that fit is a soft one: the highest PSNR, and no invented detail.
"""

from dataclasses import dataclass
from typing import Literal

from torch.nn import functional as F

from reverie.core.rng import Rng
from reverie.data import Batch
from reverie.methods.base import Loss, Phase
from reverie.methods.superres.base import SuperResolution, SuperResolutionOptions


@dataclass(frozen=True, kw_only=True)
class SRResNetOptions(SuperResolutionOptions):
    """A network that enlarges, and the error it minimises."""

    error: Literal["l1", "l2"] = "l1"
    """Mean absolute or, as in the paper, squared error of the pixels."""


class SRResNet(SuperResolution):
    """One network, one loss."""

    Options = SRResNetOptions
    about = "SRResNet: enlarge pictures faithfully, by the error of their pixels"

    def phases(self) -> tuple[Phase, ...]:
        return (Phase(name="generator", networks=(self.generator,), loss=self.loss),)

    def loss(self, batch: Batch, rng: Rng) -> Loss:
        """The error of the enlarged picture."""
        made = self.generator(self.small(batch, rng)).float()
        error = F.l1_loss if self.options.error == "l1" else F.mse_loss
        return error(made, batch.images), {}
