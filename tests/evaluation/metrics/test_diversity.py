"""Diversity of point clouds whose clusters, distances and duplicates are known."""

import numpy as np
import pytest
import torch
from torch import Tensor

from reverie.evaluation.metrics.diversity import (
    ReferenceFeatures,
    cluster_centres,
    nearest_distances,
)


def clusters(count: int, seed: int, among: int = 20) -> Tensor:
    """Points of the first `among` of 20 clusters of 16 dimensions, in turn."""
    generator = torch.Generator().manual_seed(0)
    centres = 10 * torch.randn(20, 16, generator=generator)
    generator.manual_seed(seed)
    return centres[torch.arange(count) % among] + torch.randn(count, 16, generator=generator)


REFERENCE = ReferenceFeatures(clusters(500, 1))


def test_points_of_the_same_distribution_are_as_diverse() -> None:
    found = REFERENCE.diversity(clusters(256, 2))
    assert found.spread == pytest.approx(1, abs=0.03)
    assert found.spacing == pytest.approx(1, abs=0.25)
    assert found.modes == pytest.approx(1, abs=0.1)
    assert REFERENCE.copies(clusters(256, 2)) == 0


@pytest.mark.parametrize("among", [1, 2, 10])
def test_modes_are_clusters(among: int) -> None:
    found = REFERENCE.diversity(clusters(256, 2, among))
    assert found.modes == pytest.approx(among / 20, rel=0.1, abs=0.02)
    assert found.spacing == pytest.approx(1, abs=0.4)  # within a cluster, they are as diverse


def test_equal_points_have_no_spread() -> None:
    found = REFERENCE.diversity(clusters(1, 2).repeat(256, 1))
    assert found.spread == pytest.approx(0, abs=1e-4)
    assert found.spacing == pytest.approx(0, abs=1e-3)
    assert found.modes == pytest.approx(1 / 20, rel=0.1)


def test_few_points_repeated() -> None:
    """One in ten is enough for the spacing to be 0."""
    some = clusters(256, 2)
    some[:32] = some[32:64]
    assert REFERENCE.diversity(some).spacing == pytest.approx(0, abs=1e-3)


def test_copies_of_training_images() -> None:
    training = REFERENCE.features
    samples = torch.cat([training[:60] + 0.1, clusters(40, 2)])
    assert REFERENCE.copies(samples) == pytest.approx(0.6)
    twice = ReferenceFeatures(training.repeat(2, 1))  # each has a duplicate: nothing is nearer
    assert twice.copies(clusters(100, 2)) == 0


def test_scale_and_order_do_not_matter() -> None:
    larger = ReferenceFeatures(1000 * REFERENCE.features)
    one, other = (
        REFERENCE.diversity(clusters(64, 2, 5)),
        larger.diversity(1000 * clusters(64, 2, 5).flip(0)),
    )
    assert one.spread == pytest.approx(other.spread, rel=1e-3)
    assert one.modes == pytest.approx(other.modes, rel=1e-3)


def test_images_that_are_all_equal_are_no_error() -> None:
    same = ReferenceFeatures(torch.ones(10, 4))
    found = same.diversity(torch.ones(5, 4))
    assert np.isfinite([found.spread, found.spacing, found.modes]).all()
    assert 0 <= same.copies(torch.ones(5, 4)) <= 1


def test_distances_and_centres_in_numpy() -> None:
    points = clusters(60, 3, 3).double()
    x = points.numpy()
    apart = np.linalg.norm(x[:, None] - x[None], axis=2) + np.diag(np.full(60, np.inf))
    assert np.allclose(nearest_distances(points).numpy(), apart.min(1))
    centres = cluster_centres(points, 3).numpy()
    for first in range(3):  # the clusters are far apart: their means are the centres
        assert np.abs(centres - x[first::3].mean(0)).max(1).min() < 1e-9
