"""Adversarial losses and gradient penalties, as pure functions of logits.

A loss is a pair: what the discriminator minimises and what the generator does, given the logits of
real and of generated images. Where the discriminator's output can be read as the probability that
an image is real, the loss says how. Others are added by `ADVERSARIAL.register` or as an entry
point.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from reverie.core.plugins import Registry, not_a

Logits = Float[Tensor, " b ..."]


@dataclass(frozen=True)
class AdversarialPair:
    """`discriminator(real, fake)` and `generator(real, fake)`, each a scalar to minimise.

    `needs_real` is true where the generator's loss depends on the real logits.
    """

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor, Tensor], Tensor]
    needs_real: bool = False
    interpolation_penalty: float = 0.0
    """Weight of the gradient penalty on points between real and generated images (WGAN-GP)."""
    probabilities: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] | None = None
    """From the logits of real and of generated images to D(x) and D(G(z)), each in [0, 1]; None
    where they estimate no probability."""

    def log_parts(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """Mean logits and mean probabilities of real and of generated images, for the log."""
        real, fake = real.detach(), fake.detach()
        parts = {"real": real.mean(), "fake": fake.mean()}
        if self.probabilities is not None:
            d_real, d_fake = self.probabilities(real, fake)
            parts |= {"probability_real": d_real.mean(), "probability_fake": d_fake.mean()}
        return parts


ADVERSARIAL: Registry[AdversarialPair] = Registry(
    "adversarial loss",
    "reverie.losses",
    {
        # Non-saturating, Goodfellow et al. 2014, section 3.
        "bce": AdversarialPair(
            lambda real, fake: F.softplus(-real).mean() + F.softplus(fake).mean(),
            lambda real, fake: F.softplus(-fake).mean(),
            probabilities=lambda real, fake: (real.sigmoid(), fake.sigmoid()),
        ),
        # Least squares with targets 0 and 1, Mao et al. 2017, equation 9.
        "lsgan": AdversarialPair(
            lambda real, fake: 0.5 * ((real - 1).square().mean() + fake.square().mean()),
            lambda real, fake: 0.5 * (fake - 1).square().mean(),
            # The optimal output is p / (p + q), as for bce: Mao et al. 2017, section 3.2.
            probabilities=lambda real, fake: (real.clamp(0, 1), fake.clamp(0, 1)),
        ),
        # Lim & Ye 2017; Miyato et al. 2018, equations 16 and 17. The optimum is 1 or -1, whichever
        # kind is more frequent, so that the logits are no probabilities.
        "hinge": AdversarialPair(
            lambda real, fake: F.relu(1 - real).mean() + F.relu(1 + fake).mean(),
            lambda real, fake: -fake.mean(),
        ),
        # Arjovsky et al. 2017; the gradient penalty is `interpolation_penalty`. The logits are a
        # potential: only differences mean something, in units of distance.
        "wgan-gp": AdversarialPair(
            lambda real, fake: fake.mean() - real.mean(),
            lambda real, fake: -fake.mean(),
            interpolation_penalty=10.0,
        ),
        # Each real image paired with one generated image: Huang et al. 2024, equation 2.
        "relativistic": AdversarialPair(
            lambda real, fake: F.softplus(-(real - fake)).mean(),
            lambda real, fake: F.softplus(-(fake - real)).mean(),
            needs_real=True,
            # That an image is more realistic than the other one of its pair.
            probabilities=lambda real, fake: ((real - fake).sigmoid(), (fake - real).sigmoid()),
        ),
        # Each logit relative to the mean of the other kind: Wang et al. 2018, equations 1 and 2.
        "relativistic-average": AdversarialPair(
            lambda real, fake: (
                0.5
                * (F.softplus(fake.mean() - real).mean() + F.softplus(fake - real.mean()).mean())
            ),
            lambda real, fake: (
                0.5
                * (F.softplus(real - fake.mean()).mean() + F.softplus(real.mean() - fake).mean())
            ),
            needs_real=True,
            # That an image is more realistic than the other kind is on average.
            probabilities=lambda real, fake: (
                (real - fake.mean()).sigmoid(),
                (fake - real.mean()).sigmoid(),
            ),
        ),
    },
    not_a(AdversarialPair),
)


def gradient_penalty(
    discriminate: Callable[[Tensor], Logits], images: Float[Tensor, "b c h w"]
) -> Float[Tensor, ""]:
    """Gradient penalty ‖∇ₓD(x)‖², averaged over the batch: R1 on real, R2 on generated images.

    Mescheder et al. 2018, equation 9, without its factor γ/2. Differentiable in D's weights.

    Args:
        discriminate: from images to logits.
        images: the points x, [B, C, H, W] in [-1, 1].
    """
    images = images.detach().requires_grad_()
    gradient = _gradient(discriminate, images)
    return gradient.flatten(1).square().sum(1).mean()


def interpolation_penalty(
    discriminate: Callable[[Tensor], Logits],
    real: Float[Tensor, "b c h w"],
    fake: Float[Tensor, "b c h w"],
    share: Float[Tensor, "b 1 1 1"],
) -> Float[Tensor, ""]:
    """WGAN-GP penalty (‖∇D(x̂)‖ - 1)² with x̂ = share · real + (1 - share) · fake.

    Averaged over the batch: Gulrajani et al. 2017, equation 3, without its factor λ.

    Args:
        discriminate: from images to logits.
        real: real images [B, C, H, W] in [-1, 1].
        fake: as many generated images.
        share: interpolation coefficients in [0, 1), one for each image.
    """
    x_hat = (share * real + (1 - share) * fake).detach().requires_grad_()
    norms = _gradient(discriminate, x_hat).flatten(1).square().sum(1).add(1e-12).sqrt()
    return (norms - 1).square().mean()


def _gradient(discriminate: Callable[[Tensor], Logits], images: Tensor) -> Tensor:
    logits = discriminate(images)
    (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return gradient.float()


def lazy_regularization(slope: Float[Tensor, ""], gamma: float, every: int) -> Float[Tensor, ""]:
    """Gradient penalty computed every `every`-th step: `every` · γ/2 · `slope`.

    Lazy regularization: Karras et al. 2020, "Analyzing and improving", section 3.1.

    Args:
        slope: the squared gradient, as from `gradient_penalty`.
        gamma: weight γ of the penalty.
        every: steps between two evaluations.
    """
    return 0.5 * gamma * every * slope
