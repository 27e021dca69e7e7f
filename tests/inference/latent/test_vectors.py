import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from reverie.inference.latent.vectors import (
    AttributeDirection,
    classifier_normal,
    difference_of_means,
    interpolation_path,
    project_out,
    rescale_to_prior,
    slerp,
)


def test_the_arc_keeps_the_norm() -> None:
    one, other = torch.tensor([3.0, 0.0]), torch.tensor([0.0, 3.0])
    points = slerp(one, other, torch.linspace(0, 1, 5))
    torch.testing.assert_close(points.norm(dim=1), torch.full((5,), 3.0))
    torch.testing.assert_close(points[0], one)
    torch.testing.assert_close(points[-1], other, rtol=0, atol=1e-6)
    torch.testing.assert_close(points[2], torch.full((2,), 3 / 2**0.5))


def test_nearly_equal_ends_give_a_line() -> None:
    one = torch.ones(1, 2, 2)
    points = slerp(one, one.clone(), torch.tensor([0.0, 0.5]))
    assert points.shape == (2, 1, 2, 2)
    assert points == pytest.approx(torch.ones(2, 1, 2, 2))


@given(st.integers(2, 5), st.integers(6, 40), st.booleans())
@settings(deadline=None)
def test_a_walk_meets_its_points(count: int, frames: int, straight: bool) -> None:
    generator = torch.Generator().manual_seed(count)
    points = torch.randn(count, 16, generator=generator)
    way = interpolation_path(points, frames, straight=straight)
    assert way.shape == (frames, 16)
    torch.testing.assert_close(way[0], points[0])
    torch.testing.assert_close(way[-1], points[-1])
    loop = interpolation_path(points, 4 * count, loop=True, straight=straight)
    torch.testing.assert_close(loop[::4], points, rtol=1e-4, atol=1e-5)  # each is met in turn
    last = (loop[-1] - points[0]).norm()
    assert last < (points[-1] - points[0]).norm()  # and the first comes again after the last


def test_the_priors_norm() -> None:
    latents = torch.randn(3, 64) * 5
    torch.testing.assert_close(rescale_to_prior(latents).norm(dim=1), torch.full((3,), 8.0))


def test_directions_of_a_known_attribute() -> None:
    """Two clouds that lie apart along one axis, and a shared one that differs as well."""
    generator = torch.Generator().manual_seed(0)
    latents = torch.randn(2000, 8, generator=generator)
    has = torch.arange(2000) % 2 == 0
    latents[has, 0] += 4.0
    for learn in (difference_of_means, classifier_normal):
        found = learn("it", latents, has)
        assert found.accuracy > 0.95
        assert float(found.vector.norm()) == pytest.approx(4.0, rel=0.1)
        assert float(F.cosine_similarity(found.vector, torch.eye(8)[0], dim=0)) > 0.97
        # Two deviations below the one cloud's middle, and above the other's.
        assert found.low == pytest.approx(-2.05 / 4, abs=0.1)
        assert found.high == pytest.approx(1 + 2.05 / 4, abs=0.1)
    dragged = torch.tensor([1.0, 1.0, *[0.0] * 6])
    left = project_out(dragged, torch.stack([torch.eye(8)[1] * 3]))
    torch.testing.assert_close(left, torch.eye(8)[0])
    assert torch.equal(project_out(dragged, torch.empty(0, 8)), dragged)


def test_a_direction_goes_no_further_than_what_it_was_learnt_from() -> None:
    direction = AttributeDirection("it", torch.tensor([2.0, 0.0]), 1.0, low=-0.5, high=1.5)
    latents = torch.tensor([[0.0, 7.0], [2.0, 7.0], [4.0, 7.0], [-2.0, 7.0]])  # at 0, 1, 2, -1
    torch.testing.assert_close(direction.along(latents), torch.tensor([0.0, 1.0, 2.0, -1.0]))
    up, down = direction.steps(latents, 1.0), direction.steps(latents, -1.0)
    torch.testing.assert_close(up, torch.tensor([1.0, 0.5, 0.0, 1.0]))
    torch.testing.assert_close(down, torch.tensor([-0.5, -1.0, -1.0, 0.0]))
    assert direction.steps(latents, 0.0).abs().max() == 0
