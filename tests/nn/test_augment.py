import numpy as np
import pytest
import torch

from reverie.core.rng import Rng
from reverie.nn import augment


@pytest.fixture
def pictures(generator: torch.Generator) -> torch.Tensor:
    return torch.rand(6, 3, 16, 24, generator=generator) * 2 - 1


def rng(seed: int = 0) -> Rng:
    return Rng(torch.Generator().manual_seed(seed))


def test_translation_shifts_whole_pictures_by_an_eighth_at_most(pictures: torch.Tensor) -> None:
    moved = augment.translation(pictures, rng())
    found = set()
    for before, after in zip(pictures.numpy(), moved.numpy(), strict=True):
        matches = []
        for y in range(-2, 3):
            for x in range(-3, 4):
                shifted = np.zeros_like(before)
                h, w = before.shape[1:]
                shifted[:, max(0, -y) : h - max(0, y), max(0, -x) : w - max(0, x)] = before[
                    :, max(0, y) : h + min(0, y), max(0, x) : w + min(0, x)
                ]
                if np.array_equal(shifted, after):
                    matches.append((y, x))
        assert len(matches) == 1
        found.add(matches[0])
    assert len(found) > 1


def test_cutout_blanks_a_rectangle_of_half_the_size(pictures: torch.Tensor) -> None:
    many = pictures.repeat(50, 1, 1, 1) + 5
    holes = (augment.cutout(many, rng()) == 0).all(1)
    areas = holes.flatten(1).sum(1)
    assert areas.max() == 8 * 12
    assert areas.min() < 8 * 12  # it may leave the picture
    for hole in holes[:20]:
        rows, columns = hole.any(1), hole.any(0)
        assert hole.sum() == rows.sum() * columns.sum()  # a rectangle


def test_colour_leaves_shapes_alone(pictures: torch.Tensor) -> None:
    """Brightness, saturation and contrast act on a picture's values alike, wherever they are."""
    changed = augment.colour(pictures, rng())
    rolled = augment.colour(pictures.roll((3, 5), (2, 3)), rng())
    torch.testing.assert_close(changed.roll((3, 5), (2, 3)), rolled, rtol=0, atol=1e-5)
    shift = (changed.mean((1, 2, 3)) - pictures.mean((1, 2, 3))).abs()
    assert 0.01 < shift.max() <= 0.5


def test_augmentation_passes_the_gradient(pictures: torch.Tensor) -> None:
    pictures.requires_grad_()
    augment.augment(pictures, ("colour", "translation", "cutout"), rng()).sum().backward()
    assert pictures.grad is not None
    assert (pictures.grad.flatten(1).abs().sum(1) > 0).all()


def test_augmentation_follows_its_draw(pictures: torch.Tensor) -> None:
    every = ("colour", "translation", "cutout")
    one, same, other = (augment.augment(pictures, every, rng(s)) for s in (1, 1, 2))
    torch.testing.assert_close(one, same, rtol=0, atol=0)
    assert not torch.equal(one, other)
    torch.testing.assert_close(augment.augment(pictures, (), rng()), pictures, rtol=0, atol=0)
