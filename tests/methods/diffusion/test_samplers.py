"""Samplers against the papers' updates in float64, and against a target whose denoiser is known."""

import math
from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from reverie.core.rng import Rng
from reverie.methods.diffusion import samplers
from reverie.methods.diffusion.objectives import (
    ALPHA_BAR,
    DiffusionObjective,
    edm,
    flow,
    variance_preserving,
)
from reverie.methods.diffusion.samplers import SAMPLERS, karras_sigmas, uniform_sigmas

MEANS = torch.tensor([-0.7, 0.4], dtype=torch.float64)
WIDTHS = torch.tensor([0.1, 0.2], dtype=torch.float64)
WEIGHTS = torch.tensor([0.3, 0.7], dtype=torch.float64)


def mixture(x: Tensor, sigma: float) -> Tensor:
    """E[x₀ | x₀ + σ ε = x] for a mixture of two Gaussians, pixel by pixel, in closed form."""
    variance = WIDTHS**2 + sigma**2
    gap = x[..., None] - MEANS
    odds = WEIGHTS.log() - 0.5 * gap**2 / variance - 0.5 * variance.log()
    expected = MEANS + WIDTHS**2 / variance * gap
    return (odds.softmax(-1) * expected).sum(-1)


@pytest.fixture
def latents() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(4, 1, 8, 8, generator=generator, dtype=torch.float64)


def run(name: str, latents: Tensor, sigmas: Tensor, noise: Callable | None = None) -> Tensor:
    x = latents * sigmas[0]
    return SAMPLERS[name](mixture, x, sigmas, noise or samplers.no_noise, samplers.no_callback)


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_ddim_equals_the_papers_update(latents: Tensor, eta: float) -> None:
    """Song et al. 2021, equation 12, in the paper's own variables x_t and ᾱ."""
    alpha_bar = ALPHA_BAR["linear"]()[[999, 700, 400, 100, 10]]
    sigmas = torch.cat([((1 - alpha_bar) / alpha_bar).sqrt(), torch.zeros(1, dtype=torch.float64)])
    noise = [torch.randn(4, 1, 8, 8, dtype=torch.float64) for _ in range(5)]
    x_t = latents * sigmas[0] * alpha_bar[0].sqrt()
    for step, a in enumerate(alpha_bar):
        a_next = alpha_bar[step + 1] if step < 4 else torch.ones((), dtype=torch.float64)
        x_0 = mixture(x_t / a.sqrt(), math.sqrt((1 - a) / a))
        epsilon = (x_t - a.sqrt() * x_0) / (1 - a).sqrt()
        s = eta * ((1 - a_next) / (1 - a)).sqrt() * (1 - a / a_next).sqrt()
        x_t = a_next.sqrt() * x_0 + (1 - a_next - s**2).clamp(min=0).sqrt() * epsilon
        x_t = x_t + s * noise[step]
    got = samplers.sample_ddim(mixture, latents * sigmas[0], sigmas, noise.__getitem__, eta=eta)
    torch.testing.assert_close(got, x_t, rtol=1e-10, atol=1e-10)


def test_ddpm_equals_the_papers_posterior(latents: Tensor) -> None:
    """Ho et al. 2020, equations 6 and 7: q(x_{t-1} | x_t, x₀), over consecutive steps."""
    alpha_bar = ALPHA_BAR["linear"]()[:12].flip(0)
    sigmas = torch.cat([((1 - alpha_bar) / alpha_bar).sqrt(), torch.zeros(1, dtype=torch.float64)])
    noise = [torch.randn(4, 1, 8, 8, dtype=torch.float64) for _ in range(12)]
    x_t = latents * sigmas[0] * alpha_bar[0].sqrt()
    for step, a in enumerate(alpha_bar):
        a_next = alpha_bar[step + 1] if step < 11 else torch.ones((), dtype=torch.float64)
        beta = 1 - a / a_next
        x_0 = mixture(x_t / a.sqrt(), math.sqrt((1 - a) / a))
        mean = (
            a_next.sqrt() * beta / (1 - a) * x_0 + (1 - beta).sqrt() * (1 - a_next) / (1 - a) * x_t
        )
        x_t = mean + ((1 - a_next) / (1 - a) * beta).sqrt() * noise[step]
    got = run("ddpm", latents, sigmas, noise.__getitem__)
    torch.testing.assert_close(got, x_t, rtol=1e-9, atol=1e-9)


def test_ddim_without_noise_is_eulers_method(latents: Tensor) -> None:
    sigmas = karras_sigmas(9)
    torch.testing.assert_close(run("ddim", latents, sigmas), run("euler", latents, sigmas))


DETERMINISTIC = ["ddim", "euler", "heun", "dpmpp-2m"]


def test_deterministic_samplers_converge_to_the_same_picture(latents: Tensor) -> None:
    exact = run("heun", latents, karras_sigmas(4000))
    for name in DETERMINISTIC:
        errors = [(run(name, latents, karras_sigmas(n)) - exact).abs().mean() for n in (30, 400)]
        assert errors[1] < errors[0] / 5
        assert errors[1] < 3e-3


@pytest.mark.parametrize(("name", "order"), [("euler", 1), ("heun", 2), ("dpmpp-2m", 2)])
def test_order_of_convergence(latents: Tensor, name: str, order: int) -> None:
    """Down to σ = 0.05, where the way is smooth: halving the step divides the error by 2^order."""

    def end(steps: int) -> Tensor:
        sigmas = karras_sigmas(steps + 1, sigma_min=0.05, sigma_max=5.0)[:-1]
        return run(name, latents, sigmas)

    x = end(6000) if name != "euler" else run("heun", latents, karras_sigmas(6001, 0.05, 5.0)[:-1])
    errors = [(end(n) - x).abs().mean().item() for n in (80, 160, 320)]
    measured = [math.log2(a / b) for a, b in pairwise(errors)]
    assert measured == pytest.approx([order, order], abs=0.25)


def test_samples_have_the_targets_moments() -> None:
    latents = torch.randn(1, 1, 200, 200, generator=torch.Generator().manual_seed(1)).double()
    mean = (WEIGHTS * MEANS).sum()
    variance = (WEIGHTS * (WIDTHS**2 + MEANS**2)).sum() - mean**2
    generator = torch.Generator().manual_seed(2)
    for name in SAMPLERS:
        steps = 400 if name == "ddpm" else 60
        noise = lambda step: torch.randn(latents.shape, generator=generator).double()  # noqa: E731
        pixels = run(name, latents, karras_sigmas(steps), noise)
        assert pixels.mean() == pytest.approx(mean.item(), abs=0.02), name
        assert pixels.var() == pytest.approx(variance.item(), abs=0.02), name


def test_karras_noise_levels() -> None:
    """EDM's equation 5, by hand for three steps."""
    levels = karras_sigmas(3, 0.002, 80.0)
    middle = (0.5 * (80 ** (1 / 7) + 0.002 ** (1 / 7))) ** 7
    assert levels.tolist() == pytest.approx([80.0, middle, 0.002, 0.0])


OBJECTIVES: dict[str, DiffusionObjective] = {
    "edm": edm(0.5),
    "flow": flow(0.5),
    "v": variance_preserving("v", ALPHA_BAR["cosine"]()),
    "ddpm": variance_preserving("epsilon", ALPHA_BAR["linear"]()),
}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_what_the_network_must_say(name: str) -> None:
    """(x₀ - c_skip x) / c_out is the papers' target, whatever the noise level."""
    sigma = torch.tensor([0.01, 0.3, 1.0, 7.0], dtype=torch.float64)
    x_0, epsilon = torch.randn(2, 4, dtype=torch.float64)
    p = OBJECTIVES[name].precondition(sigma)
    said = (x_0 - p.c_skip * (x_0 + sigma * epsilon)) / p.c_out
    alpha_bar = 1 / (1 + sigma**2)
    t = sigma / (1 + sigma)
    expected = {
        "ddpm": epsilon,
        "v": alpha_bar.sqrt() * epsilon - (1 - alpha_bar).sqrt() * x_0,
        "flow": epsilon - x_0,
        "edm": (x_0 - 0.25 / (sigma**2 + 0.25) * (x_0 + sigma * epsilon))
        / (sigma * 0.5 / (sigma**2 + 0.25).sqrt()),
    }[name]
    torch.testing.assert_close(said, expected, rtol=1e-7, atol=1e-7)
    seen = p.c_in * (x_0 + sigma * epsilon)
    states = {
        "ddpm": alpha_bar.sqrt() * x_0 + (1 - alpha_bar).sqrt() * epsilon,
        "v": alpha_bar.sqrt() * x_0 + (1 - alpha_bar).sqrt() * epsilon,
        "flow": (1 - t) * x_0 + t * epsilon,
        "edm": (x_0 + sigma * epsilon) / (sigma**2 + 0.25).sqrt(),
    }
    torch.testing.assert_close(seen, states[name], rtol=1e-7, atol=1e-7)


def test_edm_keeps_inputs_and_targets_at_unit_variance() -> None:
    x_0, epsilon = 0.5 * torch.randn(100_000), torch.randn(100_000)
    for level in (0.01, 0.5, 20.0):
        sigma = torch.tensor([level])
        p = edm(0.5).precondition(sigma)
        x = x_0 + sigma * epsilon
        assert (p.c_in * x).var() == pytest.approx(1, rel=0.03)
        assert ((x_0 - p.c_skip * x) / p.c_out).var() == pytest.approx(1, rel=0.03)


def test_training_noise_levels_follow_their_laws() -> None:
    rng = Rng(torch.Generator().manual_seed(0))
    logs = OBJECTIVES["edm"].sample_sigma(rng, 50_000).log()
    assert (logs.mean().item(), logs.std().item()) == pytest.approx((-1.2, 1.2), abs=0.02)
    sigma = OBJECTIVES["flow"].sample_sigma(rng, 50_000)
    logits = (sigma / (1 + sigma)).logit()
    assert (logits.mean().item(), logits.std().item()) == pytest.approx((0, 1), abs=0.02)
    for name in ("v", "ddpm"):
        levels = OBJECTIVES[name].sample_sigma(rng, 50_000)
        assert len(levels.unique()) == 1000


def test_noise_schedules_of_the_papers() -> None:
    linear = ALPHA_BAR["linear"]()
    beta = [1e-4 + (0.02 - 1e-4) * n / 999 for n in range(1000)]
    assert linear[-1].item() == pytest.approx(math.prod(1 - b for b in beta))
    cosine = ALPHA_BAR["cosine"]()
    f = lambda t: math.cos((t / 1000 + 0.008) / 1.008 * math.pi / 2) ** 2  # noqa: E731
    assert cosine[499].item() == pytest.approx(f(500) / f(0))


def test_uniform_schedules_use_the_objectives_own_time() -> None:
    o = OBJECTIVES["ddpm"]
    levels = uniform_sigmas(10, o.sigma_at, o.time_max)
    alpha_bar = ALPHA_BAR["linear"]()
    expected = ((1 - alpha_bar) / alpha_bar).sqrt()[99::100].flip(0)
    torch.testing.assert_close(levels[:-1], expected)
    assert levels[-1] == 0
    flow_levels = uniform_sigmas(4, OBJECTIVES["flow"].sigma_at, 0.8)
    times = flow_levels / (1 + flow_levels)
    torch.testing.assert_close(times, torch.tensor([0.8, 0.6, 0.4, 0.2, 0.0]).double())


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_step_can_be_watched(latents: Tensor, name: str) -> None:
    seen = []
    noise = lambda step: torch.zeros_like(latents)  # noqa: E731
    sigmas = karras_sigmas(5)
    SAMPLERS[name](mixture, latents * 80, sigmas, noise, lambda step, x_0: seen.append(step))
    assert seen == [0, 1, 2, 3, 4]
