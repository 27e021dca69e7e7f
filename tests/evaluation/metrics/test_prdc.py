import numpy as np
import pytest
import torch

from reverie.core.errors import UserError
from reverie.evaluation.metrics.prdc import prdc


def reference(real: np.ndarray, fake: np.ndarray, k: int) -> dict[str, float]:
    """Naeem et al. 2020, equations 5 to 8, written out with loops."""
    gap = lambda a, b: float(np.linalg.norm(a - b))  # noqa: E731
    radius = lambda s, i: sorted(gap(s[i], s[j]) for j in range(len(s)) if j != i)[k - 1]  # noqa: E731
    radius_real = [radius(real, i) for i in range(len(real))]
    radius_fake = [radius(fake, i) for i in range(len(fake))]
    near = [[gap(r, f) < radius_real[i] for f in fake] for i, r in enumerate(real)]
    return {
        "precision": float(np.mean([any(row[j] for row in near) for j in range(len(fake))])),
        "recall": float(
            np.mean([any(gap(r, f) < radius_fake[j] for j, f in enumerate(fake)) for r in real])
        ),
        "density": float(np.sum(near)) / (k * len(fake)),
        "coverage": float(np.mean([any(row) for row in near])),
    }


def test_it_equals_the_definitions() -> None:
    random = np.random.default_rng(0)
    real, fake = random.normal(size=(40, 4)), 0.8 * random.normal(size=(30, 4)) + 0.3
    got = prdc(torch.from_numpy(real), torch.from_numpy(fake), 3)
    for name, value in reference(real, fake, 3).items():
        assert getattr(got, name) == pytest.approx(value), name


def test_blocks_in_single_precision_are_the_whole_in_double(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Far from 0, where squares in float32 would lose the distances."""
    monkeypatch.setattr("reverie.evaluation.metrics.prdc.BLOCK", 64)
    generator = torch.Generator().manual_seed(0)
    real, fake = (torch.randn(n, 20, generator=generator).double() for n in (300, 200))
    real, fake = (real + 100).float(), (0.9 * fake + 100.2).float()
    distances = torch.cdist(
        real.double(), fake.double(), compute_mode="donot_use_mm_for_euclid_dist"
    )
    radii = [
        torch.cdist(x.double(), x.double(), compute_mode="donot_use_mm_for_euclid_dist").sort(1)[0][
            :, 5
        ]
        for x in (real, fake)
    ]
    near = distances < radii[0][:, None]
    got = prdc(real, fake)
    assert got.precision == near.any(0).double().mean()
    assert got.recall == (distances < radii[1]).any(1).double().mean()
    assert got.density == pytest.approx(float(near.sum()) / (5 * 200))
    assert got.coverage == near.any(1).double().mean()


def test_what_lies_elsewhere_has_neither() -> None:
    points = torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
    apart = prdc(points, points + 100)
    assert (apart.precision, apart.recall, apart.density, apart.coverage) == (0, 0, 0, 0)
    same = prdc(points, points.clone())
    assert (same.precision, same.recall, same.coverage) == (1, 1, 1)


def test_too_few_are_refused() -> None:
    with pytest.raises(UserError, match="6 images or more"):
        prdc(torch.zeros(5, 2), torch.zeros(50, 2))
