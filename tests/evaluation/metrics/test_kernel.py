import numpy as np
import pytest
import torch

from reverie.core.errors import UserError
from reverie.evaluation.metrics.kernel import kernel_distance, squared_mmd, squared_mmds


def features(seed: int, count: int = 60, size: int = 7) -> torch.Tensor:
    return torch.randn(count, size, generator=torch.Generator().manual_seed(seed)) + 0.3 * seed


def test_the_estimate_equals_its_definition() -> None:
    """Sums over pairs, written out: Bińkowski et al. 2018, equation 4."""
    x, y = features(1).double().numpy(), features(2).double().numpy()
    n, d = x.shape
    k = lambda a, b: (a @ b / d + 1) ** 3  # noqa: E731
    within = sum(k(s[i], s[j]) for s in (x, y) for i in range(n) for j in range(n) if i != j) / (
        n * (n - 1)
    )
    across = sum(k(a, b) for a in x for b in y) / n**2
    got = squared_mmd(torch.from_numpy(x), torch.from_numpy(y)).item()
    assert got == pytest.approx(within - 2 * across, rel=1e-10)


@pytest.mark.parametrize("counts", [(60, 60), (60, 90), (1500, 1100)])
def test_all_subsets_at_once(counts: tuple[int, int]) -> None:
    """Kernel values that several subsets share are computed once, with the same result."""
    one, other = (features(seed, n).double() for seed, n in enumerate(counts))
    generator = torch.Generator().manual_seed(0)
    chosen = [[torch.randperm(n, generator=generator)[:50] for n in counts] for _ in range(4)]
    members = [torch.zeros(4, n).double() for n in counts]
    for number, pair in enumerate(chosen):
        for side, indices in enumerate(pair):
            members[side][number, indices] = 1
    got = squared_mmds(one, other, *members)
    expected = torch.stack([squared_mmd(one[x], other[y]) for x, y in chosen])
    torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("counts", [(300, 200), (1200, 1100)])
def test_single_precision_gives_the_figures_of_double(counts: tuple[int, int]) -> None:
    """Features as a network's: positive, of mean 0.4; both ways of computing the subsets."""
    one, other = (
        torch.randn(n, 64, generator=torch.Generator().manual_seed(n)).relu() * scale
        for n, scale in zip(counts, (1, 1.05), strict=True)
    )
    found = kernel_distance(one, other, torch.Generator().manual_seed(0), 3)
    generator, size = torch.Generator().manual_seed(0), min(1000, *counts)
    chosen = [[torch.randperm(n, generator=generator)[:size] for n in counts] for _ in range(3)]
    values = torch.stack([squared_mmd(one[i].double(), other[j].double()) for i, j in chosen])
    assert found.mean == pytest.approx(float(values.mean()), rel=1e-4)
    assert found.standard_error == pytest.approx(float(values.std()) / 3**0.5, rel=1e-2)


def test_large_features_do_not_overflow() -> None:
    one, other = features(1) * 1e14, features(2) * 1e14
    found = kernel_distance(one, other, torch.Generator().manual_seed(0), 2)
    assert np.isfinite(found.mean)
    assert found.mean > 0


def test_few_and_many_subsets_are_the_same_estimate(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = features(1, 300), features(3, 500)
    monkeypatch.setattr("reverie.evaluation.metrics.kernel.SUBSET_SIZE", 40)
    whole = kernel_distance(one, other, torch.Generator().manual_seed(5), 200)
    part = kernel_distance(one, other, torch.Generator().manual_seed(5), 20)
    assert 300**2 + 500**2 + 300 * 500 > 20 * 3 * 40**2  # the subsets are computed singly
    assert part.mean == pytest.approx(whole.mean, abs=3 * part.standard_error)


def test_sets_of_one_kind_are_near_zero_on_both_sides() -> None:
    values = [
        kernel_distance(
            torch.randn(200, 5, generator=torch.Generator().manual_seed(s)),
            torch.randn(200, 5, generator=torch.Generator().manual_seed(s + 100)),
            torch.Generator().manual_seed(0),
            subsets=2,
        ).mean
        for s in range(20)
    ]
    assert min(values) < 0 < max(values)  # unbiased
    assert abs(np.mean(values)) < 0.05


def test_it_follows_its_generator_and_says_how_sure_it_is() -> None:
    one, other = features(1, 3000), features(3, 3000)
    a, b = (kernel_distance(one, other, torch.Generator().manual_seed(5), 20) for _ in range(2))
    assert a == b
    assert 0 < a.standard_error < 0.1 * a.mean


def test_too_few_or_broken_features_are_refused(generator: torch.Generator) -> None:
    with pytest.raises(UserError, match="two images or more"):
        kernel_distance(features(1, 1), features(2), generator)
    with pytest.raises(UserError, match="not finite"):
        kernel_distance(features(1) * torch.nan, features(2), generator)
