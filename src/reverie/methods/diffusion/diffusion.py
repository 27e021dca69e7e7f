"""Diffusion models: a denoiser is trained at all noise levels, and sampled by iterated denoising.

The four objectives share one loss, the mean squared error of F(c_in x, c_noise) as a prediction of
(x₀ - c_skip x) / c_out, where x = x₀ + σ ε. They differ in these four factors, in the distribution
of noise levels, and in their time variable. Samplers use `denoise(x, sigma)` alone.

EDM: Karras et al. 2022, table 1. ddpm and v: Ho et al. 2020, Salimans & Ho 2022. flow: Liu et al.
2022, with the logit-normal times of Esser et al. 2024.
"""

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Annotated, ClassVar, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from reverie.core.errors import UserError
from reverie.core.options import (
    AtLeast,
    AtMost,
    DecayRate,
    Fraction,
    LayerCount,
    LayerSize,
    Length,
    NonNegative,
    NonNegativeInt,
)
from reverie.core.rng import Rng
from reverie.data import Batch, DataOptions, ImageSpec
from reverie.methods.base import Loss, Method, Phase
from reverie.methods.diffusion.objectives import (
    ALPHA_BAR,
    by_noise_level,
    edm,
    flow,
    variance_preserving,
)
from reverie.methods.diffusion.sampler_options import Sampling, Start
from reverie.methods.diffusion.samplers import (
    SAMPLERS,
    Noise,
    StepCallback,
    karras_sigmas,
    no_callback,
    no_noise,
    uniform_sigmas,
)
from reverie.methods.diffusion.unet import NoiseEmbedding, UNet
from reverie.methods.options import MethodOptions
from reverie.methods.recipe import Fits, Preset, TrainOptions

TIME_STEP = 0.005
"""Of the central difference along the path, where the whole of it is 1."""
ADAPTIVE_POWER, SMALLEST_ERROR = 0.75, 1e-3
"""Of the weights of mean flow: Geng et al. 2025, appendix B.2."""
MOST_FEW_STEPS = 4


@dataclass(frozen=True, kw_only=True)
class DiffusionOptions(MethodOptions):
    """Options of the U-Net, the objective and class conditioning."""

    learning_rate: NonNegative = 1e-3
    beta1: DecayRate = 0.9
    beta2: DecayRate = 0.99
    objective: Literal["edm", "flow", "v", "ddpm"] = "edm"
    """Prediction target: EDM's, the velocity (flow), v, or the noise (ddpm)."""
    noise_schedule: Literal["linear", "cosine"] = "cosine"
    """Noise schedule of ddpm and v, with 1000 noise levels."""
    width: LayerSize = 64
    """Channels at full resolution."""
    multipliers: Annotated[tuple[LayerCount, ...], Length(1, 8)] = (1, 2)
    """Channel multiplier of each level; each level after the first halves the resolution."""
    blocks: LayerCount = 1
    """Residual blocks at each level."""
    attention: Annotated[tuple[NonNegativeInt, ...], Length(0, 8)] = (1,)
    """Levels with self-attention, counted from 0 at full resolution."""
    dropout: Fraction = 0.0
    """Dropout probability in residual blocks."""
    patch: Annotated[int, AtLeast(1), AtMost(64)] = 2
    """Factor of the pixel-unshuffle before the first convolution; 1 is none."""
    conditional: bool = True
    """Condition on class labels, where the dataset has them."""
    label_dropout: Fraction = 0.1
    """Probability of training without the label, for classifier-free guidance."""
    few_steps: Fraction = 0.0
    """Share of images that train average velocities (mean flow), to sample in 1 to 4 steps."""


class Diffusion(Method):
    """Diffusion model."""

    Options = DiffusionOptions
    averaged = ("noise_embedding", "label_embedding", "unet")
    knows_no_class = True
    """Whether label number `classes` is that of no class, which guidance needs."""
    about = "diffusion model: images by iterated denoising"
    main_options = ("objective", "width", "multipliers", "conditional", "few_steps")
    tiny_options: ClassVar = {"width": 8}
    about_losses: ClassVar = {
        "denoising": "Squared error of the predicted target, averaged over all noise levels; it "
        "falls fast, then hardly, while samples still improve.",
        "denoising/low_noise": "The third of the images with the least noise: details and texture.",
        "denoising/medium_noise": "The middle third: parts and edges.",
        "denoising/high_noise": "The third with the most noise: the layout of the whole image.",
        "denoising/error": "Squared error of the average velocity, without the adaptive weight.",
    }

    def __init__(self, options: DiffusionOptions, spec: ImageSpec) -> None:
        super().__init__(options, spec)
        self.latent_shape = (spec.channels, spec.height, spec.width)
        self.conditional = options.conditional and spec.classes > 1
        condition_size = 4 * options.width
        self.noise_embedding = NoiseEmbedding(condition_size, intervals=options.few_steps > 0)
        # One more than the classes: the last embedding is that of no label.
        known = spec.classes + 1 if self.conditional else 1
        self.label_embedding = nn.Embedding(known, condition_size)
        self.unet = UNet(
            spec.channels,
            options.width,
            options.multipliers,
            options.blocks,
            options.attention,
            condition_size,
            options.dropout,
            options.patch,
        )
        if options.few_steps and options.objective != "flow":
            raise UserError(
                "--few-steps trains average velocities, which need --objective flow: give both, or "
                "leave --few-steps out."
            )
        if options.objective in ("edm", "flow"):
            self.objective = {"edm": edm, "flow": flow}[options.objective](spec.spread)
        else:
            target = "v" if options.objective == "v" else "epsilon"
            self.objective = variance_preserving(target, ALPHA_BAR[options.noise_schedule]())

    def phases(self) -> tuple[Phase, ...]:
        networks = (self.noise_embedding, self.label_embedding, self.unet)
        loss = self.average_velocity if self.options.few_steps else self.denoising
        return (Phase(name="denoising", networks=networks, loss=loss),)

    def denoising(self, batch: Batch, rng: Rng) -> Loss:
        """Mean squared error of the preconditioned network at random noise levels."""
        sigma = self.objective.sample_sigma(rng, len(batch))
        noise = rng.normal(*batch.images.shape)
        labels = self.kept_labels(batch, rng)
        x = batch.images + _spread(sigma) * noise
        p = self.objective.precondition(sigma)
        target = (batch.images - _spread(p.c_skip) * x) / _spread(p.c_out)
        error = self.network(_spread(p.c_in) * x, p.c_noise, labels).float() - target
        errors = error.square()
        return errors.mean(), by_noise_level(errors.detach().mean((1, 2, 3)), sigma)

    def average_velocity(self, batch: Batch, rng: Rng) -> Loss:
        """Mean flow: the velocity averaged over [r, t], u = v - (t - r) du/dt on x_t.

        Geng et al. 2025, equations 6 and 11, with the adaptive weight of equation 22; v = ε - x₀.
        The derivative along the path is a central difference, without gradients. For the first
        images, a share `few_steps`, r and t are uniform, so that the ends are seen; for the others
        r = t, where u is the velocity itself.
        """
        count = math.ceil(self.options.few_steps * len(batch))
        noise, labels = rng.normal(*batch.images.shape), self.kept_labels(batch, rng)
        sigma = self.objective.sample_sigma(rng, len(batch))
        t = sigma / (1 + sigma)
        start, end = rng.uniform(2, count).sort(dim=0).values
        t = torch.cat([end, t[count:]])
        r = torch.cat([start, t[count:]])

        def velocity(t: Tensor, shown: slice = slice(None)) -> Tensor:
            x_t = (1 - _spread(t)) * batch.images[shown] + _spread(t) * noise[shown]
            known = None if labels is None else labels[shown]
            return self.network(x_t, 4 * t, known, 4 * (t - r[shown])).float()

        first = slice(count)
        # Differences of bfloat16 are noise.
        with torch.no_grad(), torch.autocast(noise.device.type, enabled=False):
            after, before = (velocity(end + step, first) for step in (TIME_STEP, -TIME_STEP))
        change = torch.zeros_like(noise)
        change[first] = (after - before) / (2 * TIME_STEP)
        target = noise - batch.images - _spread(t - r) * change
        errors = (velocity(t) - target).square().mean((1, 2, 3))
        weights = (errors.detach() + SMALLEST_ERROR) ** -ADAPTIVE_POWER
        parts = {"error": errors.mean()} | by_noise_level(errors.detach(), t)
        return (weights * errors).mean(), parts

    def kept_labels(self, batch: Batch, rng: Rng) -> Int[Tensor, " b"] | None:
        """Labels of a batch, some of them dropped; None for an unconditional model."""
        if not self.conditional or batch.labels is None:
            return None
        kept = rng.uniform(len(batch)) >= self.options.label_dropout
        return torch.where(kept, batch.labels, self.spec.classes)

    def network(
        self,
        x: Float[Tensor, "b c h w"],
        c_noise: Float[Tensor, " b"],
        labels: Int[Tensor, " b"] | None,
        c_interval: Float[Tensor, " b"] | None = None,
    ) -> Float[Tensor, "b c h w"]:
        """The network F: c_in x, c_noise and labels to the prediction target.

        `labels=None` is the unconditional embedding; `c_interval` is the scaled length of the
        interval of an average velocity.
        """
        last = self.label_embedding.num_embeddings - 1
        if labels is None:
            labels = torch.full((x.shape[0],), last, device=x.device)
        level = self.noise_embedding(c_noise, c_interval)
        return self.unet(x, level + self.label_embedding(labels))

    def denoise(
        self,
        x: Float[Tensor, "b c h w"],
        sigma: float,
        labels: Int[Tensor, " b"] | None = None,
        guidance: float = 1.0,
        until: float | None = None,
    ) -> Float[Tensor, "b c h w"]:
        """Denoiser D(x; σ): the expectation of x₀ given x = x₀ + σ ε.

        Classifier-free guidance with scale w ≠ 1: D(no label) + w (D(label) - D(no label)),
        Ho & Salimans 2021. With `until`, a model of average velocities returns the x₀ with which
        one step of Euler's method leads to that noise level.
        """
        if labels is not None and guidance != 1.0:
            nothing_asked = torch.full_like(labels, self.spec.classes)
            both = self.denoise(
                x.repeat(2, 1, 1, 1), sigma, torch.cat([labels, nothing_asked]), until=until
            )
            asked, free = both.chunk(2)
            return free + guidance * (asked - free)
        level = torch.full((len(x),), sigma, device=x.device)
        end = None if until is None else torch.full_like(level, until)
        return self.denoise_levels(x, level, labels, end)

    def denoise_levels(
        self,
        x: Float[Tensor, "b c h w"],
        sigma: Float[Tensor, " b"],
        labels: Int[Tensor, " b"] | None = None,
        until: Float[Tensor, " b"] | None = None,
    ) -> Float[Tensor, "b c h w"]:
        """`denoise` without guidance, at a noise level of its own for each image.

        Label number `classes` is the embedding of no label.
        """
        p = self.objective.precondition(sigma)
        interval = None
        if until is not None:
            interval = p.c_noise - self.objective.precondition(until).c_noise
        said = self.network((_spread(p.c_in) * x).float(), p.c_noise, labels, interval)
        return _spread(p.c_skip) * x + _spread(p.c_out) * said.to(x.dtype)

    def generate(
        self,
        latents: Float[Tensor, "b c h w"],
        labels: Int[Tensor, " b"] | None = None,
        sampling: Sampling | None = None,
        noise: Noise = no_noise,
        callback: StepCallback = no_callback,
        start: Start | None = None,
    ) -> Float[Tensor, "b c h w"]:
        """Images [B, C, H, W] in [-1, 1] sampled from standard normal latents.

        Args:
            latents: initial noise of the shape of the images, scaled by the first noise level.
            labels: classes, or None for unconditional samples.
            sampling: sampler, steps, schedule and guidance; the defaults if None.
            noise: noise of each step, for stochastic samplers.
            callback: called with each step's number and denoised images.
            start: initial image and mask, to which noise is added.
        """
        how = self.resolved(sampling or Sampling())
        sigmas = self.sigmas(how)
        dtype = torch.float32 if latents.device.type == "mps" else torch.float64
        base = latents.new_zeros((), dtype=dtype)
        if start is not None:
            sigmas = sigmas[how.steps - round(how.steps * start.strength) :]
            base = start.image.to(dtype)

        levels = sigmas.tolist()
        following = dict(pairwise(levels)) if how.sampler == "mean-flow" else {}

        def denoise(x: Tensor, sigma: float) -> Tensor:
            x_0 = self.denoise(x, sigma, labels, how.guidance, following.get(sigma))
            if start is not None and start.mask is not None:
                x_0 = torch.where(start.mask > 0.5, x_0, base)
            return x_0

        x = base + latents.to(dtype) * float(sigmas[0])
        return SAMPLERS[how.sampler](denoise, x, sigmas, noise, callback).float().clamp(-1, 1)

    def resolved(self, how: Sampling) -> Sampling:
        """The sampling with a sampler and a schedule in place of `auto`.

        Raises:
            UserError: if the model was not trained for it.
        """
        if how.sampler == "mean-flow" and not self.options.few_steps:
            raise UserError(
                "--sampler mean-flow needs a model that was trained with --few-steps: leave "
                "--sampler out."
            )
        if how.guidance != 1.0 and not self.knows_no_class:
            raise UserError(
                "this model was not trained without labels, which guidance needs: leave "
                "--guidance out."
            )
        if how.sampler == "auto":
            few = self.options.few_steps > 0 and how.steps <= MOST_FEW_STEPS
            how = replace(how, sampler="mean-flow" if few else "dpmpp-2m")
        if how.sampler == "mean-flow":
            return replace(how, schedule="uniform")
        if how.schedule == "auto":
            flows = self.options.objective == "flow"
            return replace(how, schedule="uniform" if flows else "karras")
        return how

    def sigmas(self, how: Sampling) -> Float[Tensor, " n"]:
        """Noise levels of a schedule that is resolved, decreasing to 0."""
        o = self.objective
        if how.schedule == "karras":
            return karras_sigmas(how.steps, o.sigma_min, min(o.sigma_max, 80.0))
        return uniform_sigmas(how.steps, o.sigma_at, o.time_max)


def _spread(factors: Float[Tensor, " b"]) -> Float[Tensor, "b 1 1 1"]:
    return factors[:, None, None, None]


def _digits(objective: Literal["edm", "flow", "v", "ddpm"]) -> Preset:
    return Preset(
        about=f"digits by label, {objective} objective: 2,650 steps, about 3 minutes on two cores",
        options=DiffusionOptions(objective=objective, width=64, multipliers=(1, 1), attention=()),
        data=DataOptions(data="digits"),
        training=TrainOptions(steps=2650, decay="cosine", decay_from=0.3),
        fits=Fits(device="any", seconds=0.27, side=28) if objective == "flow" else None,
    )


def _small(about: str, patch: int, steps: int, batch_size: int, fits: Fits) -> Preset:
    """The flow of `digits`; larger images have larger patches and so as many positions."""
    return Preset(
        about=about,
        options=DiffusionOptions(
            objective="flow", width=64, multipliers=(1, 1), attention=(), patch=patch
        ),
        training=TrainOptions(steps=steps, batch_size=batch_size, decay="cosine", decay_from=0.3),
        fits=fits,
    )


Diffusion.presets = {
    "digits": _digits("flow"),
    "digits-edm": _digits("edm"),
    "digits-v": _digits("v"),
    "digits-ddpm": _digits("ddpm"),
    "small": _small(
        "any images on two cores, up to 48 pixels: 6,000 steps, about 35 minutes on one core at "
        "32×32",
        patch=2,
        steps=6000,
        batch_size=64,
        fits=Fits(largest=48, passes=400, seconds=0.33, side=32),
    ),
    "small-64": _small(
        "as small, up to 96 pixels: 6,000 steps, about 40 minutes on one core at 64×64",
        patch=4,
        steps=6000,
        batch_size=64,
        fits=Fits(largest=96, passes=400, seconds=0.37),
    ),
    "small-256": _small(
        "as small, for larger images: 6,000 steps, about 50 minutes on one core at 256×256",
        patch=8,
        steps=6000,
        batch_size=16,
        fits=Fits(passes=400, seconds=0.52, side=256),
    ),
}
