"""Losses as pure functions of what networks said.

Adversarial losses come in pairs: what the discriminator minimises and what the generator does,
given the discriminator's logits for real and for generated pictures.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from reverie.core.plugins import Registry

Logits = Float[Tensor, " b ..."]


@dataclass(frozen=True)
class AdversarialPair:
    """`discriminator(real, fake)` and `generator(real, fake)`, each a scalar to minimise.

    `needs_real` says that the generator's side looks at the real logits too.
    """

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor, Tensor], Tensor]
    needs_real: bool = False
    interpolation_penalty: float = 0.0
    """Weight of the gradient penalty on points between real and generated images (WGAN-GP)."""


ADVERSARIAL: Registry[AdversarialPair] = Registry(
    "adversarial loss",
    "reverie.losses",
    {
        # Non-saturating, Goodfellow et al. 2014, section 3.
        "bce": AdversarialPair(
            lambda real, fake: F.softplus(-real).mean() + F.softplus(fake).mean(),
            lambda real, fake: F.softplus(-fake).mean(),
        ),
        # Least squares with targets 0 and 1, Mao et al. 2017, equation 9.
        "lsgan": AdversarialPair(
            lambda real, fake: 0.5 * ((real - 1).square().mean() + fake.square().mean()),
            lambda real, fake: 0.5 * (fake - 1).square().mean(),
        ),
        # Lim & Ye 2017; Miyato et al. 2018, equations 16 and 17.
        "hinge": AdversarialPair(
            lambda real, fake: F.relu(1 - real).mean() + F.relu(1 + fake).mean(),
            lambda real, fake: -fake.mean(),
        ),
        # Arjovsky et al. 2017; the gradient penalty is `interpolation_penalty`.
        "wgan-gp": AdversarialPair(
            lambda real, fake: fake.mean() - real.mean(),
            lambda real, fake: -fake.mean(),
            interpolation_penalty=10.0,
        ),
        # Each real picture against one generated picture: Huang et al. 2024, equation 2.
        "relativistic": AdversarialPair(
            lambda real, fake: F.softplus(-(real - fake)).mean(),
            lambda real, fake: F.softplus(-(fake - real)).mean(),
            needs_real=True,
        ),
        # Each picture against the mean of the other kind: Wang et al. 2018, equations 1 and 2.
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
        ),
    },
)


def gradient_penalty(
    discriminate: Callable[[Tensor], Logits], images: Float[Tensor, "b c h w"]
) -> Float[Tensor, ""]:
    """‖∇D(x)‖², averaged over the batch: R1 on real pictures, R2 on generated ones.

    Mescheder et al. 2018, equation 9, without its factor γ/2. Differentiable in D's weights.
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
    """(‖∇D(x̂)‖ - 1)² on points x̂ between real and fake: Gulrajani et al. 2017, equation 3.

    `share` from [0, 1) says how much of each x̂ is real.
    """
    x_hat = (share * real + (1 - share) * fake).detach().requires_grad_()
    norms = _gradient(discriminate, x_hat).flatten(1).square().sum(1).add(1e-12).sqrt()
    return (norms - 1).square().mean()


def _gradient(discriminate: Callable[[Tensor], Logits], images: Tensor) -> Tensor:
    logits = discriminate(images)
    (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return gradient.float()


def lazy_regularization(slope: Float[Tensor, ""], gamma: float, every: int) -> Float[Tensor, ""]:
    """γ/2 of a squared slope that is computed in every so many-th step, and weighted by as much.

    Lazy regularisation: Karras et al. 2020, "Analyzing and improving", section 3.1.
    """
    return 0.5 * gamma * every * slope


def normalized_feature_distance(
    one: Float[Tensor, "b c h w"], other: Float[Tensor, "b c h w"]
) -> Float[Tensor, " b"]:
    """Mean squared distance of feature maps whose columns (over channels) have length 1.

    One layer of LPIPS without its learned weights: Zhang et al. 2018, equation 1.
    """
    difference = F.normalize(one, dim=1) - F.normalize(other, dim=1)
    return difference.square().sum(1).mean((1, 2))


def latent_nll(
    latents: Float[Tensor, "b d"],
    mean: Float[Tensor, "b d"],
    log_variance: Float[Tensor, "b d"],
) -> Float[Tensor, ""]:
    """-log N(z; mean, exp(log_variance)) without its constant, summed over latents, in nats."""
    per_latent = 0.5 * ((latents - mean).square() / log_variance.exp() + log_variance)
    return per_latent.sum(1).mean()


def kl_to_standard_normal(
    mean: Float[Tensor, "b d"], log_variance: Float[Tensor, "b d"]
) -> Float[Tensor, ""]:
    """KL(N(mean, exp(log_variance)) ‖ N(0, I)), summed over latents, averaged over the batch.

    Kingma & Welling 2014, appendix B, in nats.
    """
    per_latent = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)
    return per_latent.flatten(1).sum(1).mean()


def bernoulli_nll(
    logits: Float[Tensor, "b c h w"], images: Float[Tensor, "b c h w"]
) -> Float[Tensor, ""]:
    """-log p(x) of pictures in [-1, 1] read as probabilities, summed over pixels, in nats."""
    probability = (images + 1) / 2
    loss = F.binary_cross_entropy_with_logits(logits, probability, reduction="none")
    return loss.flatten(1).sum(1).mean()


def gaussian_nll(
    mean: Float[Tensor, "b c h w"], images: Float[Tensor, "b c h w"], sigma: float
) -> Float[Tensor, ""]:
    """-log N(x; mean, sigma²), summed over pixels, averaged over the batch, in nats."""
    loss = 0.5 * ((images - mean) / sigma).square() + math.log(sigma * math.sqrt(2 * math.pi))
    return loss.flatten(1).sum(1).mean()
