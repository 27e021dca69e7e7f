"""Variational autoencoder with a Gaussian latent (Kingma & Welling 2014).

The loss is the negative evidence lower bound (ELBO) in nats: negative log-likelihood summed over
pixels plus KL divergence summed over latent dimensions, averaged over the batch. (A mean over
pixels would multiply the KL's weight by their number.)

The prior is a standard normal distribution, or learned: a normalizing flow maps the encoder's
codes to standard normal latents (Chen et al. 2017, "Variational Lossy Autoencoder", section 3.2).
Latents are always standard normal; without a flow they are the decoder's codes.

With a discriminator the decoder is a GAN's generator as well (VAE/GAN, Larsen et al. 2016): its
reconstructions and its samples must look real, which makes both sharp.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reverie.core.options import (
    DecayRate,
    LayerSize,
    Length,
    NonNegative,
    NonNegativeInt,
    Positive,
    PositiveFloat,
)
from reverie.core.rng import Rng
from reverie.data import Batch, DataOptions, ImageSpec
from reverie.methods.base import FakeQueue, Loss, Method, Phase, Preview
from reverie.methods.gan.networks import Discriminator
from reverie.methods.options import MethodOptions
from reverie.methods.recipe import Fits, Preset, TrainOptions
from reverie.nn.adversarial import ADVERSARIAL, gradient_penalty, lazy_regularization
from reverie.nn.flow import Flow
from reverie.nn.image_sizes import doubling, halved_sizes
from reverie.nn.losses import (
    bernoulli_nll,
    gaussian_nll,
    kl_to_flow,
    kl_to_standard_normal,
    latent_nll,
)
from reverie.nn.mlp import mlp

BCE = ADVERSARIAL["bce"]
LARGEST_LINEAR_SIZE = 32


PLANE_SIDE = 16


@dataclass(frozen=True, kw_only=True)
class VAEOptions(MethodOptions):
    """Options of the encoder, the decoder and the evidence lower bound."""

    learning_rate: NonNegative = 1e-3
    beta1: DecayRate = 0.9
    latent_size: LayerSize = 20
    """Length of the latent vector; with 2, previews show a grid over the latent plane."""
    network: Literal["auto", "linear", "convolutional"] = "auto"
    """Linear or convolutional networks; auto is linear up to 32 pixels."""
    hidden: Annotated[tuple[LayerSize, ...], Length(0, 64)] = (400,)
    """Sizes of the hidden linear layers."""
    width: LayerSize = 32
    """Channels of the first convolution; each downsampling doubles them, up to 256."""
    likelihood: Literal["bernoulli", "gaussian"] = "bernoulli"
    """Likelihood p(x | z): Bernoulli with the decoder's logits, or Gaussian with its mean."""
    sigma: PositiveFloat = 0.2
    """Standard deviation of the Gaussian likelihood, for images in [-1, 1]."""
    kl_weight: NonNegative = 1.0
    """Weight of the KL divergence; 1 is the ELBO, more is a beta-VAE with blurrier images."""
    kl_warmup_steps: NonNegativeInt = 0
    """Linear warm-up of the KL's weight, in steps."""
    prior_layers: NonNegativeInt = 0
    """Learned prior: coupling layers of a normalizing flow between latents and the decoder's codes;
    0 is the textbook's standard normal prior, from which samples are less sharp."""
    latent_weight: NonNegative = 0.0
    """Weight of the latent reconstruction loss -log q(z | x) of generated images (InfoGAN)."""
    adversarial_weight: NonNegative = 0.0
    """Weight in nats of an adversarial loss on reconstructions and samples, for sharp images
    (VAE/GAN, Larsen et al. 2016); 0 trains no discriminator."""
    discriminator_width: LayerSize = 32
    """Channels after the discriminator's first layer, doubled at each downsampling."""
    r1: NonNegative = 1.0
    """Weight γ of the R1 penalty, γ/2 ‖∇D‖² on real images; 0 disables it."""
    penalty_every: Positive = 8
    """Interval of the R1 penalty, in steps (lazy regularization, weighted n-fold)."""


class VAE(Method):
    """Variational autoencoder."""

    Options = VAEOptions
    averaged = ("encoder", "decoder", "prior")
    training_only = ("discriminator",)
    about = "variational autoencoder: generation, reconstruction and a latent space"
    main_options = ("latent_size", "network", "likelihood", "kl_weight")
    tiny_options: ClassVar = {"hidden": (32,), "width": 4}
    feature_network = "encoder"
    about_losses: ClassVar = {
        "bound": "Negative evidence lower bound in nats: reconstruction error plus KL, the whole "
        "of what is minimised; it should fall and level off.",
        "bound/nll": "Reconstruction error: how unlikely the images are, given their codes; it "
        "should fall.",
        "bound/kl": "KL divergence: how far the codes are from the prior, in nats; it should rise "
        "from 0 while the codes take up information, and level off.",
        "bound/adversarial": "Adversarial loss: how unlike real images the discriminator finds "
        "reconstructions and samples; it should level off, not rise.",
        "bound/latents": "How badly the encoder finds the latents of generated images; it should "
        "fall.",
    }

    def __init__(self, options: VAEOptions, spec: ImageSpec) -> None:
        super().__init__(options, spec)
        self.latent_shape = (options.latent_size,)
        linear = options.network == "linear" or (
            options.network == "auto" and max(spec.size) <= LARGEST_LINEAR_SIZE
        )
        build = _linear_pair if linear else _convolutional_pair
        self.encoder, self.decoder = build(options, spec)
        self.prior = Flow(options.latent_size, options.prior_layers)
        self.discriminator = (
            Discriminator(spec.channels, spec.image_size, options.discriminator_width, "none")
            if options.adversarial_weight
            else None
        )
        self._fakes: FakeQueue[Tensor] = FakeQueue()

    def phases(self) -> tuple[Phase, ...]:
        o = self.options
        trained = (self.encoder, self.decoder, *([self.prior] if o.prior_layers else []))
        phases = [Phase(name="bound", networks=trained, loss=self.bound)]
        if self.discriminator is not None:
            networks = (self.discriminator,)
            phases.append(
                Phase(name="discriminator", networks=networks, loss=self.discriminator_loss)
            )
            if o.r1:
                phases.append(
                    Phase(
                        name="penalty",
                        networks=networks,
                        loss=self.penalty_loss,
                        every=o.penalty_every,
                    )
                )
        return tuple(phases)

    def bound(self, batch: Batch, rng: Rng) -> Loss:
        """Negative evidence lower bound in nats per image, plus the latent reconstruction loss."""
        mean, log_variance = self.posterior(batch.images)
        noise = rng.normal(len(batch), self.options.latent_size)
        codes = mean + (0.5 * log_variance).exp() * noise
        decoded = self.decoder(codes).float()
        if self.options.likelihood == "bernoulli":
            nll = bernoulli_nll(decoded, batch.images)
        else:
            nll = gaussian_nll(decoded, batch.images, self.options.sigma)
        if self.options.prior_layers:
            kl = kl_to_flow(log_variance, *self.prior(codes))
        else:
            kl = kl_to_standard_normal(mean, log_variance)
        warmup = self.options.kl_warmup_steps
        weight = self.options.kl_weight * min(1.0, rng.step / warmup if warmup else 1.0)
        loss, parts = nll + weight * kl, {"nll": nll, "kl": kl}
        if not (self.options.latent_weight or self.options.adversarial_weight):
            return loss, parts
        z = rng.normal(len(batch), self.options.latent_size)
        samples = self.generate(z).float()
        if self.options.latent_weight:
            parts["latents"] = self.latent_reconstruction_loss(z, samples, rng)
            loss = loss + self.options.latent_weight * parts["latents"]
        if self.options.adversarial_weight:
            parts["adversarial"] = self.adversarial_loss(self._mean_image(decoded), samples)
            loss = loss + self.options.adversarial_weight * parts["adversarial"]
        return loss, parts

    def latent_reconstruction_loss(
        self, z: Float[Tensor, "b d"], samples: Float[Tensor, "b c h w"], rng: Rng
    ) -> Tensor:
        """-log q(z | x) in nats without its constant, for z from the prior and x from p(x | z).

        InfoGAN's variational bound on the mutual information of latent and image (Chen et al. 2016,
        equation 5), with the encoder as q; `samples` are the means of p(x | z).
        """
        if self.options.likelihood == "gaussian":
            samples = samples + self.options.sigma * rng.normal(*samples.shape)
        return latent_nll(self.prior.inverse(z), *self.posterior(samples))

    def adversarial_loss(
        self, decoded: Float[Tensor, "b c h w"], samples: Float[Tensor, "b c h w"]
    ) -> Tensor:
        """The decoder's adversarial loss on reconstructions and samples (Larsen et al. 2016)."""
        assert self.discriminator is not None
        fake = torch.cat([decoded, samples])
        self._fakes.push(fake.detach())
        logits = self.discriminator(fake).float()
        return BCE.generator(logits, logits)

    def discriminator_loss(self, batch: Batch, rng: Rng) -> Loss:
        """The discriminator's loss: real images against reconstructions and samples."""

        def recompute() -> Tensor:
            with torch.no_grad():
                z = rng.normal(len(batch), self.options.latent_size)
                decoded = self.generate(self.encode(batch.images))
                return torch.cat([decoded, self.generate(z)]).float()

        assert self.discriminator is not None
        fake = self._fakes.pop(recompute)
        real_logits, fake_logits = (self.discriminator(x).float() for x in (batch.images, fake))
        loss = BCE.discriminator(real_logits, fake_logits)
        return loss, BCE.log_parts(real_logits, fake_logits)

    def penalty_loss(self, batch: Batch, rng: Rng) -> Loss:
        """R1 penalty γ/2 ‖∇D‖² on real images, weighted by its interval."""
        assert self.discriminator is not None
        slope = gradient_penalty(self.discriminator, batch.images)
        return lazy_regularization(slope, self.options.r1, self.options.penalty_every), {}

    def posterior(
        self, images: Float[Tensor, "b c h w"]
    ) -> tuple[Float[Tensor, "b d"], Float[Tensor, "b d"]]:
        """Mean and log-variance of q(z | x) for images in [-1, 1]."""
        mean, log_variance = self.encoder(images).float().chunk(2, dim=1)
        return mean, log_variance

    def encode(self, images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d"]:
        """Mean of q(z | x) for each image; with a learned prior its standard normal latent."""
        return self.prior(self.posterior(images)[0])[0]

    def generate(
        self, latents: Float[Tensor, "b d"], labels: Tensor | None = None
    ) -> Float[Tensor, "b c h w"]:
        """Mean of p(x | z) for each latent, in [-1, 1]."""
        return self._mean_image(self.decoder(self.prior.inverse(latents)))

    def _mean_image(self, decoded: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Mean of p(x | z) in [-1, 1], from the decoder's output."""
        if self.options.likelihood == "bernoulli":
            return 2 * torch.sigmoid(decoded) - 1
        return decoded.clamp(-1, 1)

    def previews(
        self, latents: Tensor | None, labels: Tensor | None, batch: Batch
    ) -> dict[str, Preview]:
        """Samples, images with reconstructions, and a grid over a two-dimensional latent space."""
        shown = super().previews(latents, labels, batch)
        decoded = self.generate(self.encode(batch.images))
        shown["reconstructions"] = Preview.of_groups(batch.images, decoded)
        if self.options.latent_size == 2:
            latents = plane(PLANE_SIDE).to(batch.images.device)
            shown["plane"] = Preview(self.generate(latents), PLANE_SIDE)
        return shown


def plane(side: int) -> Float[Tensor, "n 2"]:
    """Latents of a side × side grid, at evenly spaced quantiles of the standard normal prior."""
    share = (torch.arange(side) + 0.5) / side
    quantile = torch.distributions.Normal(0.0, 1.0).icdf(share)
    down, across = torch.meshgrid(-quantile, quantile, indexing="ij")
    return torch.stack([across, down], dim=-1).reshape(-1, 2)


def _linear_pair(options: VAEOptions, spec: ImageSpec) -> tuple[nn.Module, nn.Module]:
    shape = (spec.channels, spec.height, spec.width)
    pixels = math.prod(shape)
    encoder = mlp((pixels, *options.hidden, 2 * options.latent_size))
    decoder = mlp((options.latent_size, *reversed(options.hidden), pixels))
    return nn.Sequential(nn.Flatten(), encoder), nn.Sequential(decoder, nn.Unflatten(1, shape))


def _convolutional_pair(options: VAEOptions, spec: ImageSpec) -> tuple[nn.Module, nn.Module]:
    sizes = halved_sizes(spec.image_size)
    widths = [min(options.width * 2**level, 256) for level in range(len(sizes) - 1)]
    down: list[nn.Module] = []
    for inputs, outputs in zip([spec.channels, *widths[:-1]], widths, strict=True):
        down += [nn.Conv2d(inputs, outputs, 4, 2, 1), nn.SiLU()]
    smallest = (widths[-1], *sizes[-1].shape)
    features = math.prod(smallest)
    encoder = nn.Sequential(*down, nn.Flatten(), nn.Linear(features, 2 * options.latent_size))
    up: list[nn.Module] = []
    channels = [*widths[::-1], spec.channels]
    for pair, resized in zip(pairwise(channels), pairwise(reversed(sizes)), strict=True):
        up += [nn.SiLU(), doubling(*pair, *resized)]
    stem = nn.Sequential(nn.Linear(options.latent_size, features), nn.Unflatten(1, smallest))
    return encoder, nn.Sequential(stem, *up)


def _digits(latent_size: int, about: str = "", **options: Any) -> Preset:
    return Preset(
        about=f"digits, {latent_size} latents{about}: 6,000 steps, about "
        f"{'80 seconds on one core' if options else '15 seconds on two cores'}",
        options=VAEOptions(latent_size=latent_size, **options),
        data=DataOptions(data="digits"),
        training=TrainOptions(steps=6000, decay="cosine"),
        fits=Fits(device="any", seconds=0.014, side=28) if latent_size == 20 else None,
    )


# The sharpness of the Gaussian likelihood of `faces-small` at any size.
_PHOTOS: dict[str, Any] = {
    "latent_size": 64,
    "network": "convolutional",
    "likelihood": "gaussian",
    "sigma": 0.1,
}

# For latent arithmetic; the latent reconstruction loss keeps all latents in use.
_FACES: dict[str, Any] = {
    "latent_size": 64,
    "network": "convolutional",
    "likelihood": "gaussian",
    "latent_weight": 1.0,
}

VAE.presets = {
    "digits-2": _digits(2),
    "digits-4": _digits(4),
    "digits-8": _digits(8),
    # Reconstructions of 20 latents are clear; samples of a standard normal prior are not.
    "digits-20": _digits(20, " and a learned prior", prior_layers=8, hidden=(512, 256)),
    "faces-64": Preset(
        about="drawn faces at 64×64 for latent arithmetic, sharp by an adversarial loss (VAE/GAN): "
        "4,500 steps, about 40 minutes on one core",
        options=VAEOptions(**_FACES, sigma=0.5, adversarial_weight=40.0),
        data=DataOptions(data="faces", image_size=64),
        training=TrainOptions(steps=4500, batch_size=32, decay="cosine"),
    ),
    "faces-small": Preset(
        about="drawn faces at 32×32 for latent arithmetic: 9,000 steps, about 15 minutes on one "
        "core",
        options=VAEOptions(**_FACES, sigma=0.07),
        data=DataOptions(data="faces", image_size=32),
        training=TrainOptions(steps=9000, decay="cosine"),
        fits=Fits(seconds=0.1, side=32),
    ),
    "small": Preset(
        about="any images on two cores, up to 96 pixels: 12,000 steps, about 40 minutes on one "
        "core at 64×64",
        options=VAEOptions(**_PHOTOS),
        training=TrainOptions(steps=12_000, decay="cosine"),
        fits=Fits(largest=96, passes=400, seconds=0.2),
    ),
    "small-256": Preset(
        about="as small, for larger images: 8,000 steps, about 50 minutes on one core at 256×256",
        options=VAEOptions(**_PHOTOS, width=16),
        training=TrainOptions(steps=8000, batch_size=16, decay="cosine"),
        fits=Fits(passes=400, seconds=0.37, side=256),
    ),
}
