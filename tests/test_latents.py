import pytest
import torch

from reverie.latents import slerp


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
