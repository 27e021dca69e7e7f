import numpy as np
import pytest
import torch
from scipy.cluster.vq import kmeans2

from reverie.nn.clusters import Clusters, kmeans, nearest_neighbor_order

CENTRES = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [9.0, 9.0]])


@pytest.fixture
def points(generator: torch.Generator) -> torch.Tensor:
    """Fifty points around each of four centres."""
    return CENTRES.repeat(50, 1) + torch.randn(200, 2, generator=generator)


def test_centroids_are_those_of_scipy(points: torch.Tensor, generator: torch.Generator) -> None:
    found = kmeans(points, 4, generator)
    means, members = kmeans2(points.numpy(), CENTRES.numpy(), minit="matrix")
    order = torch.cdist(found, torch.from_numpy(means)).argmin(0)
    assert sorted(order.tolist()) == [0, 1, 2, 3]
    torch.testing.assert_close(found[order], torch.from_numpy(means), atol=1e-4, rtol=0)
    assert sorted(np.bincount(members)) == [50] * 4


def test_more_clusters_than_different_points(generator: torch.Generator) -> None:
    """The superfluous ones are empty, and nothing is divided by zero."""
    points = torch.tensor([[1.0, 2.0], [5.0, 6.0]]).repeat(10, 1)
    found = kmeans(points, 5, generator)
    assert torch.isfinite(found).all()
    assert {tuple(row) for row in found.tolist()} == {(1.0, 2.0), (5.0, 6.0)}


def test_each_centroid_is_followed_by_the_nearest() -> None:
    line = torch.tensor([3.0, 0.0, 1.0, 2.0, 9.0, 5.0])[:, None]
    assert nearest_neighbor_order(line).flatten().tolist() == [0.0, 1.0, 2.0, 3.0, 5.0, 9.0]
    twice = torch.tensor([[1.0], [0.0], [1.0]])
    assert nearest_neighbor_order(twice).flatten().tolist() == [0.0, 1.0, 1.0]


@pytest.mark.parametrize(("size", "compared"), [(16, (16, 16)), ((96, 24), (24, 32))])
def test_images_of_any_size(
    size: int | tuple[int, int], compared: tuple[int, int], generator: torch.Generator
) -> None:
    """Dark, grey and bright images, in parts: three clusters with their shares."""
    width, height = (size, size) if isinstance(size, int) else size
    shades = torch.tensor([-0.8] * 5 + [0.0] * 3 + [0.7] * 2)
    images = shades.reshape(-1, 1, 1, 1) + 0.1 * torch.randn(
        10, 3, height, width, generator=generator
    )
    clusters = Clusters(3, 3, size)
    assert clusters.shape == compared
    assert clusters(images).tolist() == [0] * 10  # until they are found
    shares = clusters.fit(images.split(4), generator)
    assert sorted(shares.tolist()) == pytest.approx([0.2, 0.3, 0.5])
    numbers = clusters(images)
    assert len(set(numbers.tolist())) == 3
    assert (numbers[:5] == numbers[0]).all()
    assert shares[numbers[0]] == pytest.approx(0.5)
