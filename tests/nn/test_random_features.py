import pytest
import torch

from reverie.nn.random_features import random_features

MEAN, STD = 0.307131, 0.473810


def images(count: int, channels: int, size: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(size)
    return torch.rand(count, channels, size, size, generator=generator) * 2 - 1


@pytest.mark.parametrize(("channels", "size"), [(1, 4), (1, 28), (3, 32), (3, 96)])
def test_features_of_any_images(channels: int, size: int) -> None:
    x = images(70, channels, size)
    before = torch.get_rng_state()
    features = random_features(x)
    assert torch.equal(torch.get_rng_state(), before)  # nothing is drawn from the default generator
    assert features.shape == (70, (16 + 32 + 64) * 16)
    assert torch.isfinite(features).all()
    # An image's features depend on the image alone.
    torch.testing.assert_close(random_features(x[66:67]), features[66:67], rtol=1e-4, atol=1e-5)


def test_rectangles_and_half_precision() -> None:
    x = images(2, 3, 96)[..., :64]
    assert random_features(x).shape == random_features(x.bfloat16()).shape == (2, 1792)


def test_distances_grow_with_noise() -> None:
    x = images(8, 1, 28)
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
    near, far = ((random_features(x + s * noise) - random_features(x)).norm() for s in (0.1, 0.5))
    assert 0 < near < far


def test_the_features_stay_what_they_are() -> None:
    """Figures of a log are compared with those of earlier ones: the network must not change."""
    ramp = torch.linspace(-1, 1, 28 * 28).reshape(1, 1, 28, 28)
    found = random_features(ramp)
    assert float(found.mean()) == pytest.approx(MEAN, rel=1e-4)
    assert float(found.std()) == pytest.approx(STD, rel=1e-4)
