"""Losses as pure functions of network outputs.

Adversarial losses come in pairs, the discriminator's and the generator's, both functions of the
discriminator's logits of real and of generated images.
"""

import math

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F


def normalized_feature_distance(
    one: Float[Tensor, "b c h w"], other: Float[Tensor, "b c h w"]
) -> Float[Tensor, " b"]:
    """Squared distance of feature maps normalized over channels, averaged over positions.

    One layer of LPIPS without its learned weights: Zhang et al. 2018, equation 1.
    """
    difference = F.normalize(one, dim=1) - F.normalize(other, dim=1)
    return difference.square().sum(1).mean((1, 2))


def latent_nll(
    latents: Float[Tensor, "b d"],
    mean: Float[Tensor, "b d"],
    log_variance: Float[Tensor, "b d"],
) -> Float[Tensor, ""]:
    """-log N(z; mean, exp(log_variance)) without its constant, in nats.

    Summed over latent dimensions, averaged over the batch.
    """
    per_latent = 0.5 * ((latents - mean).square() / log_variance.exp() + log_variance)
    return per_latent.sum(1).mean()


def kl_to_standard_normal(
    mean: Float[Tensor, "b d"], log_variance: Float[Tensor, "b d"]
) -> Float[Tensor, ""]:
    """KL(N(mean, exp(log_variance)) ‖ N(0, I)), summed over dimensions, averaged over the batch.

    Kingma & Welling 2014, appendix B, in nats.
    """
    per_latent = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)
    return per_latent.flatten(1).sum(1).mean()


def kl_to_flow(
    log_variance: Float[Tensor, "b d"],
    latents: Float[Tensor, "b d"],
    log_determinant: Float[Tensor, " b"],
) -> Float[Tensor, ""]:
    """KL(q(z | x) ‖ p(z)) for a prior p that a flow maps to N(0, I), by one sample z of q each.

    The entropy of q is exact, the cross-entropy a sample's: -log N(f(z); 0, I) - log |det ∂f/∂z|.
    Summed over dimensions, averaged over the batch, in nats.

    Args:
        log_variance: of q, a normal distribution.
        latents: f(z), each for a sample z of q.
        log_determinant: log |det ∂f/∂z| at z.
    """
    per_latent = 0.5 * (latents.square() - 1 - log_variance)
    return (per_latent.sum(1) - log_determinant).mean()


def bernoulli_nll(
    logits: Float[Tensor, "b c h w"], images: Float[Tensor, "b c h w"]
) -> Float[Tensor, ""]:
    """-log p(x) under a Bernoulli likelihood, in nats.

    Summed over pixels, averaged over the batch.

    Args:
        logits: decoder output, the logits of p(x = 1).
        images: in [-1, 1], rescaled to [0, 1].
    """
    probability = (images + 1) / 2
    loss = F.binary_cross_entropy_with_logits(logits, probability, reduction="none")
    return loss.flatten(1).sum(1).mean()


def gaussian_nll(
    mean: Float[Tensor, "b c h w"], images: Float[Tensor, "b c h w"], sigma: float
) -> Float[Tensor, ""]:
    """-log N(x; mean, sigma²), summed over pixels, averaged over the batch, in nats."""
    loss = 0.5 * ((images - mean) / sigma).square() + math.log(sigma * math.sqrt(2 * math.pi))
    return loss.flatten(1).sum(1).mean()
