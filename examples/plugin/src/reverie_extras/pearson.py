"""Least-squares GAN loss that minimises the Pearson χ² divergence: Mao et al. 2017, equation 8."""

from reverie.nn.adversarial import AdversarialPair

PEARSON = AdversarialPair(
    discriminator=lambda real, fake: (
        0.5 * ((real - 1) ** 2).mean() + 0.5 * ((fake + 1) ** 2).mean()
    ),
    generator=lambda real, fake: 0.5 * (fake**2).mean(),
)
