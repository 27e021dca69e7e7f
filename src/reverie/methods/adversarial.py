"""The options that all adversarial methods share."""

from dataclasses import dataclass

from reverie.core.options import NonNegative, Positive
from reverie.methods.options import MethodOptions
from reverie.nn.augment import Augmentation
from reverie.nn.losses import ADVERSARIAL


@dataclass(frozen=True, kw_only=True)
class AdversarialOptions(MethodOptions):
    """What the options of every GAN begin with."""

    loss: str = "bce"
    """Adversarial loss: bce, lsgan, hinge, wgan-gp, relativistic or relativistic-average."""
    r1: float = 0.0
    """Weight γ of the squared gradient on real pictures; 0 turns it off."""
    r2: float = 0.0
    """Weight γ of the squared gradient on generated pictures; 0 turns it off."""
    penalty_every: Positive = 16
    """R1 and R2 are computed in every so many-th step, and weighted by as much."""
    generator_every: Positive = 1
    """The generator moves in every so many-th step: 5 is usual for wgan-gp."""
    augment: tuple[Augmentation, ...] = ()
    """Differentiable augmentation of all that the discriminator sees; for small data."""
    spectral_norm: bool = False
    """Bound the discriminator's slope layer by layer."""
    latent_weight: NonNegative = 0.0
    """Weight of the wish that generated pictures tell their latents, so that an encoder can be
    trained later: InfoGAN's."""

    def __post_init__(self) -> None:
        super().__post_init__()
        ADVERSARIAL.find(self.loss)
