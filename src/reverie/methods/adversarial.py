"""Options shared by all adversarial methods."""

from dataclasses import dataclass

from reverie.core.options import NonNegative, Positive
from reverie.methods.options import MethodOptions
from reverie.nn.adversarial import ADVERSARIAL
from reverie.nn.augment import Augmentation


@dataclass(frozen=True, kw_only=True)
class AdversarialOptions(MethodOptions):
    """Base class of the options of GANs."""

    loss: str = "bce"
    """Adversarial loss: bce, lsgan, hinge, wgan-gp, relativistic or relativistic-average."""
    r1: NonNegative = 0.0
    """Weight γ of the R1 penalty, γ/2 ‖∇D‖² on real images; 0 disables it."""
    r2: NonNegative = 0.0
    """Weight γ of the R2 penalty, γ/2 ‖∇D‖² on generated images; 0 disables it."""
    penalty_every: Positive = 16
    """Interval of the R1 and R2 penalties, in steps (lazy regularization, weighted n-fold)."""
    generator_every: Positive = 1
    """Interval of generator updates, in steps; 5 is usual for wgan-gp."""
    discriminator_every: Positive = 1
    """Interval of discriminator updates, in steps; many generator updates between them let its
    modes collapse."""
    augment: tuple[Augmentation, ...] = ()
    """Differentiable augmentation of the discriminator's inputs, for small datasets."""
    spectral_norm: bool = False
    """Spectral normalization of the discriminator's layers."""
    latent_weight: NonNegative = 0.0
    """Weight of the latent reconstruction loss E‖E(G(z)) - z‖² (InfoGAN), for a later GAN
    inversion."""

    def __post_init__(self) -> None:
        super().__post_init__()
        ADVERSARIAL.find(self.loss)
