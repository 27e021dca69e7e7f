import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from reverie.core.rng import Rng
from reverie.methods.diffusion.objectives import (
    ALPHA_BAR,
    DDPM_STEPS,
    DiffusionObjective,
    cosine_alpha_bar,
    edm,
    flow,
    linear_alpha_bar,
    variance_preserving,
)

SIGMAS = st.floats(0.02, 50)
ALPHAS = linear_alpha_bar()
OBJECTIVES = {
    "edm": edm(0.5),
    "flow": flow(0.5),
    "epsilon": variance_preserving("epsilon", ALPHAS),
    "v": variance_preserving("v", ALPHAS),
}


def target(name: str, x_0: float, noise: float, sigma: float) -> float:
    """What a network of each objective predicts, by the definitions of the papers."""
    if name == "flow":
        return noise - x_0
    if name == "epsilon":
        return noise
    alpha = 1 / (1 + sigma**2)  # x_t = √ᾱ x₀ + √(1 - ᾱ) ε = √ᾱ (x₀ + σ ε)
    if name == "v":
        return math.sqrt(alpha) * noise - math.sqrt(1 - alpha) * x_0
    total = math.hypot(sigma, 0.5)  # EDM: (x₀ - c_skip x) / c_out
    return (x_0 - 0.25 / total**2 * (x_0 + sigma * noise)) / (sigma * 0.5 / total)


@given(
    x_0=st.floats(-1, 1), noise=st.floats(-3, 3), sigma=SIGMAS, name=st.sampled_from([*OBJECTIVES])
)
def test_the_right_answer_denoises_exactly(
    x_0: float, noise: float, sigma: float, name: str
) -> None:
    """D(x; σ) = c_skip x + c_out F is x₀ where F is the objective's target."""
    factors = OBJECTIVES[name].precondition(torch.tensor([sigma], dtype=torch.double))
    x = x_0 + sigma * noise
    answer = target(name, x_0, noise, sigma)
    made = float(factors.c_skip) * x + float(factors.c_out) * answer
    assert made == pytest.approx(x_0, abs=1e-6 * (1 + abs(x)))


@given(SIGMAS)
def test_edm_keeps_unit_variance(sigma: float) -> None:
    """Karras et al. 2022, equations 114 to 117, for data of standard deviation 0.5."""
    factors = OBJECTIVES["edm"].precondition(torch.tensor([sigma], dtype=torch.double))
    variance = sigma**2 + 0.25
    assert float(factors.c_in) ** 2 * variance == pytest.approx(1)
    skip = float(factors.c_skip)
    assert ((1 - skip) ** 2 * 0.25 + skip**2 * sigma**2) / float(factors.c_out) ** 2 == (
        pytest.approx(1)
    )


@given(SIGMAS)
def test_the_inputs_are_the_papers_x_t(sigma: float) -> None:
    scale = {
        name: float(one.precondition(torch.tensor([sigma])).c_in)
        for name, one in OBJECTIVES.items()
    }
    assert scale["flow"] == pytest.approx(1 / (1 + sigma), rel=1e-5)  # 1 - t
    assert scale["v"] == scale["epsilon"] == pytest.approx(1 / math.hypot(1, sigma), rel=1e-5)


@pytest.mark.parametrize("name", list(OBJECTIVES))
def test_noise_levels_of_training(name: str) -> None:
    objective = OBJECTIVES[name]
    sigma = objective.sample_sigma(Rng(torch.Generator().manual_seed(0)), 4000).double()
    logs = sigma.log().numpy()
    if name in ("edm", "flow"):
        mean, deviation = (-1.2, 1.2) if name == "edm" else (0.0, 1.0)
        assert logs.mean() == pytest.approx(mean, abs=4 * deviation / math.sqrt(4000))
        assert logs.std() == pytest.approx(deviation, rel=0.05)
    else:
        levels = np.sqrt((1 - ALPHAS.numpy()) / ALPHAS.numpy())
        known = np.abs(sigma.numpy()[:, None] / levels - 1).min(1)
        assert known.max() < 1e-5
        assert np.median(logs) == pytest.approx(np.log(np.median(levels)), abs=0.2)


@pytest.mark.parametrize("name", list(OBJECTIVES))
def test_the_clock_runs_from_low_to_high_noise(name: str) -> None:
    objective: DiffusionObjective = OBJECTIVES[name]
    times = torch.linspace(0.001, objective.time_max, 50, dtype=torch.double)
    levels = objective.sigma_at(times)
    assert (levels.diff() > 0).all()
    assert float(levels[-1]) == pytest.approx(objective.sigma_max, rel=1e-3)


def test_the_condition_is_the_time() -> None:
    """Four times t / T at the noise level of step t."""
    sigma = ((1 - ALPHAS) / ALPHAS).sqrt()
    noise = OBJECTIVES["v"].precondition(sigma).c_noise
    expected = 4 * torch.arange(1, DDPM_STEPS + 1, dtype=torch.double) / DDPM_STEPS
    torch.testing.assert_close(noise, expected, rtol=0, atol=1e-9)


def test_the_linear_schedule() -> None:
    betas = np.linspace(1e-4, 0.02, 1000)
    expected = np.exp(np.cumsum(np.log1p(-betas)))
    np.testing.assert_allclose(linear_alpha_bar().numpy(), expected, rtol=1e-9)
    assert float(linear_alpha_bar()[-1]) == pytest.approx(4.04e-5, rel=0.01)  # nearly pure noise


def test_the_cosine_schedule() -> None:
    t = np.arange(1001) / 1000
    f = np.cos((t + 0.008) / 1.008 * np.pi / 2) ** 2
    made = cosine_alpha_bar().numpy()
    np.testing.assert_allclose(made[:-1], (f / f[0])[1:-1], rtol=1e-6)  # β is clipped at the end
    assert made[-1] == pytest.approx(made[-2] * 0.001)


@pytest.mark.parametrize("name", list(ALPHA_BAR))
def test_schedules_decrease(name: str) -> None:
    alpha_bar = ALPHA_BAR[name]()
    assert alpha_bar.shape == (DDPM_STEPS,)
    assert (alpha_bar.diff() < 0).all()
    assert 0 < float(alpha_bar[-1]) < float(alpha_bar[0]) < 1
