import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import linalg

from reverie.core.errors import UserError
from reverie.evaluation.metrics.frechet import Moments, frechet_distance


def reference(one: np.ndarray, other: np.ndarray) -> float:
    """Heusel et al.'s formula with a general matrix square root."""
    covariances = np.cov(one.T), np.cov(other.T)
    root = linalg.sqrtm(covariances[0] @ covariances[1]).real
    shift = ((one.mean(0) - other.mean(0)) ** 2).sum()
    return float(shift + np.trace(covariances[0] + covariances[1] - 2 * root))


def features(seed: int, count: int = 200, size: int = 12) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    mixing = torch.randn(size, size, generator=random)
    return torch.randn(count, size, generator=random) @ mixing + seed


def test_the_distance_equals_the_formula() -> None:
    one, other = features(1), features(2, 150)
    got = frechet_distance(Moments.of(one), Moments.of(other))
    assert got == pytest.approx(reference(one.double().numpy(), other.double().numpy()), rel=1e-6)


def test_the_distance_of_a_set_to_itself_is_zero() -> None:
    moments = Moments.of(features(1))
    assert frechet_distance(moments, moments) == pytest.approx(0, abs=1e-8)


def test_a_shift_counts_by_its_square() -> None:
    one = features(1)
    shifted = frechet_distance(Moments.of(one), Moments.of(one.double() + 0.5))
    assert shifted == pytest.approx(12 * 0.25, rel=1e-9)


@given(cut=st.integers(1, 199))
def test_merged_moments_equal_those_of_all(cut: int) -> None:
    whole = features(3) + 1000  # far from 0, where raw moments lose their digits
    merged = Moments.of(whole[:cut]).merged(Moments.of(whole[cut:]))
    torch.testing.assert_close(merged.mean, Moments.of(whole).mean)
    torch.testing.assert_close(
        merged.covariance, Moments.of(whole).covariance, rtol=1e-9, atol=1e-9
    )


def test_moments_by_parts_are_those_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = features(3) + 1000
    monkeypatch.setattr("reverie.evaluation.metrics.frechet.ROWS", 70)
    found = Moments.of(whole)
    assert found.mean.numpy() == pytest.approx(whole.double().numpy().mean(0), rel=1e-12)
    assert found.covariance.numpy() == pytest.approx(np.cov(whole.double().numpy().T), rel=1e-8)


def test_too_few_or_broken_features_are_refused() -> None:
    with pytest.raises(UserError, match="two images or more"):
        frechet_distance(Moments.of(features(1, 1)), Moments.of(features(1)))
    with pytest.raises(UserError, match="not finite"):
        frechet_distance(Moments.of(features(1) * torch.nan), Moments.of(features(1)))
