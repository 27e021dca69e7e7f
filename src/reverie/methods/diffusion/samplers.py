"""Noise schedules and samplers of diffusion models: pure functions `(denoise, x, sigmas) -> x`.

All operate on x = x₀ + σ ε, independent of the training objective: `denoise(x, sigma)` returns the
expected x₀. In this parametrization deterministic DDIM is Euler's method. The state is float64;
`sigmas` decrease to 0.
"""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Protocol

import torch
from jaxtyping import Float
from torch import Tensor

Images = Float[Tensor, "b c h w"]


Sigmas = Float[Tensor, " n"]


Denoise = Callable[[Tensor, float], Tensor]


Noise = Callable[[int], Tensor]
"""From a step's number to its standard normal noise."""


StepCallback = Callable[[int, Tensor], None]
"""Called with each step's number and denoised images x₀."""


def karras_sigmas(
    steps: int, sigma_min: float = 0.002, sigma_max: float = 80.0, rho: float = 7.0
) -> Sigmas:
    """Noise levels evenly spaced in σ^(1/ρ), then 0: Karras et al. 2022, equation 5."""
    share = torch.linspace(0, 1, steps, dtype=torch.float64)
    low, high = sigma_min ** (1 / rho), sigma_max ** (1 / rho)
    return torch.cat([(high + share * (low - high)) ** rho, torch.zeros(1, dtype=torch.float64)])


def uniform_sigmas(
    steps: int, sigma_at: Callable[[Tensor], Tensor], time_max: float = 1.0
) -> Sigmas:
    """Noise levels evenly spaced in the objective's time, from `time_max` to 0."""
    times = torch.linspace(time_max, 0, steps + 1, dtype=torch.float64)
    return torch.cat([sigma_at(times[:-1]), torch.zeros(1, dtype=torch.float64)])


class Sampler(Protocol):
    """Signature of a sampler."""

    def __call__(
        self, denoise: Denoise, x: Images, sigmas: Sigmas, noise: Noise, callback: StepCallback
    ) -> Images: ...


def no_callback(step: int, x_0: Tensor) -> None:
    """Do nothing."""


def no_noise(step: int) -> Tensor:
    """Noise of deterministic samplers, which is never requested."""
    raise AssertionError("a deterministic sampler requested noise")


def sample_euler(
    denoise: Denoise,
    x: Images,
    sigmas: Sigmas,
    noise: Noise = no_noise,
    callback: StepCallback = no_callback,
) -> Images:
    """Euler's method on dx/dσ = (x - D(x; σ)) / σ: first order; equal to DDIM with η = 0."""
    for step, (sigma, sigma_next) in enumerate(_pairs(sigmas)):
        x_0 = denoise(x, sigma)
        callback(step, x_0)
        x = x + (sigma_next - sigma) * (x - x_0) / sigma
    return x


def sample_heun(
    denoise: Denoise,
    x: Images,
    sigmas: Sigmas,
    noise: Noise = no_noise,
    callback: StepCallback = no_callback,
) -> Images:
    """Heun's method with an Euler step to 0: second order, 2N - 1 evaluations.

    Karras et al. 2022, algorithm 1.
    """
    for step, (sigma, sigma_next) in enumerate(_pairs(sigmas)):
        x_0 = denoise(x, sigma)
        callback(step, x_0)
        slope = (x - x_0) / sigma
        ahead = x + (sigma_next - sigma) * slope
        if sigma_next > 0:
            slope = (slope + (ahead - denoise(ahead, sigma_next)) / sigma_next) / 2
            ahead = x + (sigma_next - sigma) * slope
        x = ahead
    return x


def sample_dpmpp_2m(
    denoise: Denoise,
    x: Images,
    sigmas: Sigmas,
    noise: Noise = no_noise,
    callback: StepCallback = no_callback,
) -> Images:
    """DPM-Solver++(2M): second-order multistep, one evaluation per step.

    Lu et al. 2022, algorithm 2, with λ = -ln σ.
    """
    before: Tensor | None = None
    h_before = 0.0
    for step, (sigma, sigma_next) in enumerate(_pairs(sigmas)):
        x_0 = denoise(x, sigma)
        callback(step, x_0)
        if sigma_next == 0:
            return x_0
        h = math.log(sigma / sigma_next)
        d = x_0
        if before is not None:
            r = h_before / h
            d = (1 + 1 / (2 * r)) * x_0 - 1 / (2 * r) * before
        x = sigma_next / sigma * x - math.expm1(-h) * d
        before, h_before = x_0, h
    return x


def sample_ddim(
    denoise: Denoise,
    x: Images,
    sigmas: Sigmas,
    noise: Noise = no_noise,
    callback: StepCallback = no_callback,
    eta: float = 0.0,
) -> Images:
    """DDIM, Song et al. 2021, equation 12, divided by √ᾱ where ᾱ = 1 / (1 + σ²).

    η = 0 is deterministic; η = 1 is the ancestral sampler of DDPM.
    """
    for step, (sigma, sigma_next) in enumerate(_pairs(sigmas)):
        x_0 = denoise(x, sigma)
        callback(step, x_0)
        epsilon = (x - x_0) / sigma
        # η² (1 - ᾱ') / (1 - ᾱ) (1 - ᾱ / ᾱ') / ᾱ', in terms of σ and σ'
        variance = eta**2 * sigma_next**2 / sigma**2 * (sigma**2 - sigma_next**2)
        x = x_0 + math.sqrt(sigma_next**2 - variance) * epsilon
        if variance > 0:
            x = x + math.sqrt(variance) * noise(step)
    return x


def sample_ddpm(
    denoise: Denoise,
    x: Images,
    sigmas: Sigmas,
    noise: Noise = no_noise,
    callback: StepCallback = no_callback,
) -> Images:
    """Ancestral sampler with the posterior's variance: Ho et al. 2020, equations 6 and 7."""
    return sample_ddim(denoise, x, sigmas, noise, callback, eta=1.0)


SAMPLERS: dict[str, Sampler] = {
    "ddpm": sample_ddpm,
    "ddim": sample_ddim,
    "euler": sample_euler,
    "heun": sample_heun,
    "dpmpp-2m": sample_dpmpp_2m,
    "mean-flow": sample_euler,  # with the x₀ of an average velocity
}


def _pairs(sigmas: Sigmas) -> list[tuple[float, float]]:
    levels = sigmas.tolist()
    return list(pairwise(levels))
