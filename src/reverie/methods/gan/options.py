"""Options that all GANs of this family share."""

from dataclasses import dataclass

from reverie.methods.adversarial import AdversarialOptions
from reverie.methods.gan.networks import Activation


@dataclass(frozen=True, kw_only=True)
class ActivatedOptions(AdversarialOptions):
    """Options of adversarial losses, and the activation."""

    activation: Activation = "leaky_relu"
    """Activation of the discriminator, in the plain GAN of both networks; a DCGAN's generator has
    ReLU."""
