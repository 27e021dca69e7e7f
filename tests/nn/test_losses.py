import math

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Normal, kl_divergence

from reverie.nn.adversarial import ADVERSARIAL, gradient_penalty, interpolation_penalty
from reverie.nn.flow import Flow
from reverie.nn.losses import bernoulli_nll, gaussian_nll, kl_to_flow, kl_to_standard_normal

REAL = torch.tensor([0.3, -1.7, 2.2], dtype=torch.float64)
FAKE = torch.tensor([-0.4, 0.9, 1.1], dtype=torch.float64)


def log_sigmoid(x: Tensor) -> Tensor:
    return torch.log(1 / (1 + torch.exp(-x)))


EXPECTED = {
    "bce": (
        -(log_sigmoid(REAL) + torch.log(1 - 1 / (1 + torch.exp(-FAKE)))).mean(),
        -log_sigmoid(FAKE).mean(),
    ),
    "lsgan": (((REAL - 1) ** 2 + FAKE**2).mean() / 2, ((FAKE - 1) ** 2).mean() / 2),
    "hinge": (
        (torch.maximum(torch.zeros(3), 1 - REAL) + torch.maximum(torch.zeros(3), 1 + FAKE)).mean(),
        -FAKE.mean(),
    ),
    "wgan-gp": (FAKE.mean() - REAL.mean(), -FAKE.mean()),
    "relativistic": (-log_sigmoid(REAL - FAKE).mean(), -log_sigmoid(FAKE - REAL).mean()),
    "relativistic-average": (
        -(log_sigmoid(REAL - FAKE.mean()) + log_sigmoid(REAL.mean() - FAKE)).mean() / 2,
        -(log_sigmoid(FAKE.mean() - REAL) + log_sigmoid(FAKE - REAL.mean())).mean() / 2,
    ),
}


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_adversarial_pairs_equal_the_papers_formulas(name: str) -> None:
    pair, (discriminator, generator) = ADVERSARIAL[name], EXPECTED[name]
    torch.testing.assert_close(pair.discriminator(REAL, FAKE), discriminator)
    torch.testing.assert_close(pair.generator(REAL, FAKE), generator)


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_adversarial_losses_push_the_right_way(name: str) -> None:
    """A step down the discriminator's loss parts real from fake; the generator's raises fake."""
    real, fake = REAL.clone().requires_grad_(), FAKE.clone().requires_grad_()
    ADVERSARIAL[name].discriminator(real, fake).backward()
    assert real.grad.mean() < 0 < fake.grad.mean()
    fake = torch.zeros(3, requires_grad=True)
    ADVERSARIAL[name].generator(torch.zeros(3), fake).backward()
    assert (fake.grad < 0).all()


def sigmoid(x: Tensor) -> Tensor:
    return 1 / (1 + torch.exp(-x))


PROBABILITIES = {
    "bce": (sigmoid(REAL), sigmoid(FAKE)),
    "lsgan": (torch.tensor([0.3, 0.0, 1.0]), torch.tensor([0.0, 0.9, 1.0])),
    "relativistic": (sigmoid(REAL - FAKE), sigmoid(FAKE - REAL)),
    "relativistic-average": (sigmoid(REAL - FAKE.mean()), sigmoid(FAKE - REAL.mean())),
}


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_mean_logits_and_probabilities_are_logged(name: str) -> None:
    parts = ADVERSARIAL[name].log_parts(REAL.clone().requires_grad_(), FAKE)
    assert not any(value.requires_grad for value in parts.values())
    expected = {"real": REAL.mean(), "fake": FAKE.mean()}
    if name in PROBABILITIES:  # hinge and wgan-gp estimate none
        real, fake = PROBABILITIES[name]
        expected |= {"probability_real": real.mean(), "probability_fake": fake.mean()}
    assert parts.keys() == expected.keys()
    for key, value in expected.items():
        assert float(parts[key]) == pytest.approx(float(value), rel=1e-6), key


def test_the_best_discriminator_says_the_probability() -> None:
    """Trained on one point where p = 3 q, D says 3/4, by bce and by lsgan."""
    for name in ("bce", "lsgan"):
        logit = torch.zeros(1, dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.SGD([logit], 0.2)
        for _ in range(200):  # three real images on each generated one
            optimizer.zero_grad()
            pair = ADVERSARIAL[name].discriminator
            apart = torch.zeros(1, dtype=torch.float64)
            loss = 3 * (pair(logit, apart) - pair(apart, apart)) + pair(apart, logit)
            loss.backward()
            optimizer.step()
        found = ADVERSARIAL[name].log_parts(logit, logit)["probability_real"]
        assert float(found) == pytest.approx(0.75, abs=1e-3), name


def a_network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(12, 8), nn.Tanh(), nn.Linear(8, 1)).double()


def slopes(network: nn.Module, points: Tensor) -> Tensor:
    """‖∇D(x)‖ of each point by central differences."""
    step = 1e-6
    columns = []
    for index in range(12):
        shift = torch.zeros(12, dtype=torch.float64)
        shift[index] = step
        shift = shift.reshape(1, 3, 2, 2)
        columns.append((network(points + shift) - network(points - shift)) / (2 * step))
    return torch.cat(columns, 1).norm(dim=1)


def test_the_gradient_penalty_equals_finite_differences() -> None:
    network, points = a_network(), torch.randn(5, 3, 2, 2, dtype=torch.float64)
    with torch.no_grad():
        expected = slopes(network, points).square().mean()
    torch.testing.assert_close(
        gradient_penalty(network, points).double(), expected, rtol=1e-5, atol=0
    )


def test_the_gradient_penalty_moves_the_weights() -> None:
    network = a_network()
    before = gradient_penalty(network, torch.ones(5, 3, 2, 2, dtype=torch.float64))
    before.backward()
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.grad is not None:
                parameter -= 0.1 * parameter.grad
    assert gradient_penalty(network, torch.ones(5, 3, 2, 2, dtype=torch.float64)) < before


def test_the_interpolation_penalty_equals_finite_differences() -> None:
    network = a_network()
    real, fake = (torch.randn(5, 3, 2, 2, dtype=torch.float64) for _ in range(2))
    share = torch.rand(5, 1, 1, 1, dtype=torch.float64)
    with torch.no_grad():
        expected = (slopes(network, share * real + (1 - share) * fake) - 1).square().mean()
    got = interpolation_penalty(network, real, fake, share).double()
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=0)


def test_kl_equals_the_distributions_own() -> None:
    mean, log_variance = torch.randn(4, 6), torch.randn(4, 6)
    posterior = Normal(mean, (0.5 * log_variance).exp())
    expected = kl_divergence(posterior, Normal(0.0, 1.0)).sum(1).mean()
    torch.testing.assert_close(kl_to_standard_normal(mean, log_variance), expected)


def test_likelihoods_equal_the_distributions_own() -> None:
    logits, bits = torch.randn(4, 1, 3, 3), torch.randint(0, 2, (4, 1, 3, 3)).float()
    expected = -Bernoulli(logits=logits).log_prob(bits).sum((1, 2, 3)).mean()
    torch.testing.assert_close(bernoulli_nll(logits, 2 * bits - 1), expected)
    images = torch.rand(4, 1, 3, 3) * 2 - 1
    expected = -Normal(logits, 0.3).log_prob(images).sum((1, 2, 3)).mean()
    torch.testing.assert_close(gaussian_nll(logits, images, 0.3), expected)


def test_the_likelihood_is_summed_over_pixels() -> None:
    """A mean would multiply the KL's weight by the number of pixels."""
    loss = bernoulli_nll(torch.zeros(2, 1, 28, 28), torch.ones(2, 1, 28, 28))
    assert loss.item() == pytest.approx(784 * math.log(2), rel=1e-5)


def test_the_divergence_from_a_flow() -> None:
    """Of the identity the closed form; of an affine map that of the scaled normal distribution."""
    generator = torch.Generator().manual_seed(0)
    mean, log_variance = torch.tensor([[0.5, -1.0]]), torch.tensor([[-0.5, 0.3]])
    noise = torch.randn(200_000, 2, generator=generator)
    codes = mean + (0.5 * log_variance).exp() * noise
    many = log_variance.expand_as(codes)
    exact = kl_to_standard_normal(mean, log_variance)
    found = kl_to_flow(many, *Flow(2, 0)(codes))
    torch.testing.assert_close(found, exact, atol=0.01, rtol=0.01)
    scale = torch.tensor([2.0, 0.7])
    logs = scale.log().sum().expand(len(codes))
    posterior = Normal(mean, (0.5 * log_variance).exp())
    prior = Normal(torch.zeros(2), 1 / scale)
    expected = kl_divergence(posterior, prior).sum()
    torch.testing.assert_close(
        kl_to_flow(many, codes * scale, logs), expected, atol=0.02, rtol=0.01
    )
