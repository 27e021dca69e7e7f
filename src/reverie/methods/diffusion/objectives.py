"""Diffusion objectives: prediction target, preconditioning and noise levels of training."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from reverie.core.rng import Rng

DDPM_STEPS = 1000
NOISE_LEVELS = ("low_noise", "medium_noise", "high_noise")
"""Thirds of a batch, in the order of their noise levels, whose loss is logged."""


Sigma = Float[Tensor, " b"]


@dataclass(frozen=True)
class Preconditioning:
    """Factors of D(x; σ) = c_skip x + c_out F(c_in x, c_noise): Karras et al. 2022, equation 7."""

    c_skip: Sigma
    c_out: Sigma
    c_in: Sigma
    c_noise: Sigma


@dataclass(frozen=True)
class DiffusionObjective:
    """What a network is trained on.

    `sample_sigma` draws noise levels for training; `sigma_at` is the noise level at a time from 0
    to `time_max`, the objective's own clock, by which the uniform schedule goes.
    """

    precondition: Callable[[Sigma], Preconditioning]
    sample_sigma: Callable[[Rng, int], Sigma]
    sigma_at: Callable[[Tensor], Tensor]
    sigma_min: float
    sigma_max: float
    time_max: float


def edm(sigma_data: float) -> DiffusionObjective:
    """EDM: ln σ ~ N(-1.2, 1.2²); unit variance of input and target at every noise level.

    Karras et al. 2022, table 1. `sigma_data` is the standard deviation of the images.
    """

    def precondition(sigma: Sigma) -> Preconditioning:
        total = sigma**2 + sigma_data**2
        return Preconditioning(
            c_skip=sigma_data**2 / total,
            c_out=sigma * sigma_data / total.sqrt(),
            c_in=1 / total.sqrt(),
            c_noise=sigma.log() / 4,
        )

    def sample_sigma(rng: Rng, count: int) -> Sigma:
        return (rng.normal(count) * 1.2 - 1.2).exp()

    # EDM's time variable is σ, and a uniform schedule in σ would spend most steps at high noise:
    # the flow's time is used instead.
    return DiffusionObjective(precondition, sample_sigma, _flow_sigma_at, 0.002, 80.0, 80 / 81)


def flow(sigma_data: float) -> DiffusionObjective:
    """Rectified flow: x_t = (1 - t) x₀ + t ε, so σ = t / (1 - t); the target is ε - x₀.

    Liu et al. 2022, with t = sigmoid(N(0, 1)) as in Esser et al. 2024.
    """

    def precondition(sigma: Sigma) -> Preconditioning:
        t = sigma / (1 + sigma)
        return Preconditioning(c_skip=1 - t, c_out=-t, c_in=1 - t, c_noise=t * 4)

    def sample_sigma(rng: Rng, count: int) -> Sigma:
        return rng.normal(count).exp()  # t / (1 - t) of a logit-normal t is log-normal

    return DiffusionObjective(precondition, sample_sigma, _flow_sigma_at, 0.002, 200.0, 200 / 201)


def _flow_sigma_at(time: Tensor) -> Tensor:
    return time / (1 - time)


def variance_preserving(
    target: Literal["epsilon", "v", "x0"], alpha_bar: Tensor
) -> DiffusionObjective:
    """DDPM: x_t = √ᾱ x₀ + √(1 - ᾱ) ε, so σ = √((1 - ᾱ) / ᾱ); the target is ε, v or x₀.

    v = √ᾱ ε - √(1 - ᾱ) x₀. Ho et al. 2020, Salimans & Ho 2022.

    Args:
        target: what the network predicts.
        alpha_bar: ᾱ at steps 1 to T.
    """
    levels = ((1 - alpha_bar) / alpha_bar).sqrt().double()
    log_levels = levels.log()
    times = torch.arange(1, len(levels) + 1, dtype=torch.float64, device=levels.device)

    def time_of(sigma: Sigma) -> Tensor:
        """Time in [0, 1] of a noise level, interpolated linearly in ln σ between steps."""
        place = sigma.detach().double().cpu().log().clamp(log_levels[0], log_levels[-1])
        # torch.searchsorted, in operations that ONNX has.
        upper = (log_levels < place[..., None]).sum(-1).clamp(1, len(levels) - 1)
        low, high = log_levels[upper - 1], log_levels[upper]
        share = (place - low) / (high - low)
        return ((times[upper - 1] + share) / len(levels)).to(sigma)

    def precondition(sigma: Sigma) -> Preconditioning:
        total = 1 + sigma**2
        match target:
            case "epsilon":
                c_skip, c_out = torch.ones_like(sigma), -sigma
            case "v":
                c_skip, c_out = 1 / total, -sigma / total.sqrt()
            case "x0":
                c_skip, c_out = torch.zeros_like(sigma), torch.ones_like(sigma)
        return Preconditioning(c_skip, c_out, 1 / total.sqrt(), 4 * time_of(sigma))

    def sample_sigma(rng: Rng, count: int) -> Sigma:
        return levels.to(rng.generator.device)[rng.integers(len(levels), count)].float()

    def sigma_at(time: Tensor) -> Tensor:
        step = (time * len(levels)).round().long().clamp(1, len(levels))
        return levels[step - 1]

    return DiffusionObjective(
        precondition, sample_sigma, sigma_at, float(levels[0]), float(levels[-1]), 1.0
    )


def linear_alpha_bar() -> Tensor:
    """ᾱ of the linear schedule, β from 1e-4 to 0.02 in 1000 steps: Ho et al. 2020, section 4."""
    beta = torch.linspace(1e-4, 0.02, DDPM_STEPS, dtype=torch.float64, device="cpu")
    return (1 - beta).cumprod(0)


def cosine_alpha_bar(steps: int = DDPM_STEPS) -> Tensor:
    """ᾱ of the cosine schedule, with β at most 0.999: Nichol & Dhariwal 2021, equation 17."""
    t = torch.linspace(0, 1, steps + 1, dtype=torch.float64, device="cpu")
    f = ((t + 0.008) / 1.008 * math.pi / 2).cos() ** 2
    beta = (1 - f[1:] / f[:-1]).clamp(max=0.999)
    return (1 - beta).cumprod(0)


ALPHA_BAR = {"linear": linear_alpha_bar, "cosine": cosine_alpha_bar}


def by_noise_level(
    errors: Float[Tensor, " b"], sigma: Float[Tensor, " b"]
) -> dict[str, Float[Tensor, ""]]:
    """Mean error of the third of a batch with the lowest noise, of the middle and the highest."""
    thirds = errors[sigma.argsort()].tensor_split(len(NOISE_LEVELS))
    # Which of them are empty depends on the size of the batch alone.
    named = zip(NOISE_LEVELS, thirds, strict=True)
    return {name: third.mean() for name, third in named if len(third)}
