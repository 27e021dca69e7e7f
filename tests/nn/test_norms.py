import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from reverie.nn.norms import (
    InstanceNorm,
    NormName,
    StatisticsMeasured,
    has_bias,
    initialize_weights,
    norm_layer,
)


@settings(max_examples=25)
@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 6), st.integers(2, 6)),
    scale=st.sampled_from([1e-3, 1.0, 100.0]),
)
def test_as_pytorchs_instance_norm(shape: tuple[int, ...], scale: float) -> None:
    """The values and the gradient are those of `torch.nn.InstanceNorm2d` in float64."""
    random = torch.Generator().manual_seed(sum(shape))
    x = scale * torch.randn(shape, generator=random) + 3
    weights = torch.randn(shape, generator=random)
    ours, theirs = (x.clone().requires_grad_(True), x.double().requires_grad_(True))
    made = InstanceNorm(shape[1])(ours)
    expected = nn.InstanceNorm2d(shape[1])(theirs)
    assert made.dtype == torch.float32
    torch.testing.assert_close(made, expected.float(), rtol=2e-3, atol=2e-3)
    (made * weights).sum().backward()
    (expected * weights).sum().backward()
    assert ours.grad is not None
    assert theirs.grad is not None
    size = float(theirs.grad.abs().max()) + 1e-6
    torch.testing.assert_close(ours.grad / size, theirs.grad.float() / size, rtol=0, atol=2e-2)


def test_mean_zero_and_variance_one(generator: torch.Generator) -> None:
    made = InstanceNorm(3)(5 + 2 * torch.randn(2, 3, 32, 32, generator=generator))
    torch.testing.assert_close(made.mean((2, 3)), torch.zeros(2, 3), rtol=0, atol=1e-5)
    variance = made.var((2, 3), unbiased=False)
    torch.testing.assert_close(variance, torch.ones(2, 3), rtol=0, atol=1e-4)


def test_a_single_pixel_becomes_zero() -> None:
    assert torch.equal(InstanceNorm(2)(torch.full((3, 2, 1, 1), 7.0)), torch.zeros(3, 2, 1, 1))


def test_given_statistics_replace_the_inputs(generator: torch.Generator) -> None:
    whole = torch.randn(1, 2, 8, 8, generator=generator)
    norm = InstanceNorm(2)
    expected = norm(whole)
    variance, mean = torch.var_mean(whole, (2, 3), correction=0, keepdim=True)
    norm.statistics = mean, (variance + 1e-5).rsqrt()
    torch.testing.assert_close(norm(whole[..., :3]), expected[..., :3], rtol=1e-5, atol=1e-5)
    norm.statistics = None
    assert not torch.allclose(norm(whole[..., :3]), expected[..., :3], atol=1e-2)


def test_measuring_stops_the_forward_pass() -> None:
    seen, norm = [], InstanceNorm(2)
    norm.measure = seen.append
    network = nn.Sequential(norm, nn.Linear(1, 1))  # which does not fit
    x = torch.ones(1, 2, 3, 3)
    with pytest.raises(StatisticsMeasured):
        network(x)
    assert len(seen) == 1
    assert seen[0] is x


@pytest.mark.parametrize(
    ("channels", "groups"), [(4, 1), (16, 1), (24, 1), (32, 2), (48, 3), (64, 4), (40, 2), (50, 1)]
)
def test_groups(channels: int, groups: int) -> None:
    norm = norm_layer("group", channels)
    assert isinstance(norm, nn.GroupNorm)
    assert norm.num_groups == groups
    assert channels % groups == 0


@pytest.mark.parametrize(
    ("name", "kind"),
    [("instance", InstanceNorm), ("batch", nn.BatchNorm2d), ("none", nn.Identity)],
)
def test_layers_by_name(name: NormName, kind: type) -> None:
    assert type(norm_layer(name, 8)) is kind


@pytest.mark.parametrize("name", ["instance", "batch"])
def test_a_bias_before_a_norm_has_no_effect(name: NormName, generator: torch.Generator) -> None:
    x = torch.randn(4, 3, 6, 6, generator=generator)
    conv = nn.Conv2d(3, 2, 3)
    before = norm_layer(name, 2)(conv(x))
    with torch.no_grad():
        conv.bias += 5  # type: ignore[operator]
    torch.testing.assert_close(norm_layer(name, 2)(conv(x)), before, rtol=0, atol=1e-4)
    assert not has_bias(name)
    assert has_bias("none")


def test_initial_weights() -> None:
    """Standard deviations within four standard errors."""
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(16, 64, 3), nn.BatchNorm2d(2000), nn.ConvTranspose2d(16, 64, 3), nn.Linear(90, 90)
    )
    initialize_weights(network)
    for number in (0, 2, 3):
        weight = network[number].weight
        assert float(weight.detach().std()) == pytest.approx(
            0.02, rel=4 / math.sqrt(2 * weight.numel())
        )
        assert float(network[number].bias.detach().abs().max()) == 0
    assert float(network[1].weight.detach().mean()) == pytest.approx(1, abs=0.002)
    assert float(network[1].weight.detach().std()) == pytest.approx(0.02, rel=0.07)
    initialize_weights(network, keeps_variance=True)
    # He et al. 2015 for a leaky ReLU of slope a: Var w = 2 / ((1 + a²) fan_in).
    expected = math.sqrt(2 / (1 + 0.2**2) / (16 * 9))
    assert float(network[0].weight.detach().std()) == pytest.approx(expected, rel=0.03)


def test_he_initialization_keeps_the_variance(generator: torch.Generator) -> None:
    torch.manual_seed(0)
    layers = [part for _ in range(8) for part in (nn.Linear(400, 400), nn.LeakyReLU(0.2))]
    x = torch.randn(200, 400, generator=generator)
    deep = nn.Sequential(*layers)
    initialize_weights(deep, keeps_variance=True)
    assert 0.5 < float(deep(x).square().mean().detach()) < 2
    initialize_weights(deep)
    assert float(deep(x).square().mean().detach()) < 1e-4
