"""The two plain guesses that the trainings are compared with."""

import torch

from reverie.experiments.earth import mean_colour, nearest_tile


def tiles(*colours: tuple[float, float, float], side: int = 16) -> torch.Tensor:
    """A tile [3, side, side] of each colour, in [-1, 1]."""
    return torch.tensor(colours)[:, :, None, None].repeat(1, 1, side, side)


GREEN, SAND, SEA = (0.1, 0.5, 0.1), (0.7, 0.5, 0.2), (0.3, 0.6, 0.9)


def test_the_mean_is_over_pixels_of_nearly_the_same_colour() -> None:
    source = tiles(GREEN, GREEN, SAND, SEA)
    target = torch.stack([torch.full((3, 16, 16), x) for x in (0.1, 0.3, 0.9, -0.5)])
    asked = tiles((0.11, 0.52, 0.09), SAND, SEA)
    for image, want in zip(mean_colour(asked, source, target), (0.2, 0.9, -0.5), strict=True):
        torch.testing.assert_close(image, torch.full((3, 16, 16), want))


def test_a_colour_that_was_never_seen_is_the_mean_of_all() -> None:
    target = torch.cat([torch.ones(1, 3, 16, 16), torch.zeros(1, 3, 16, 16)])
    found = mean_colour(tiles((-1.0, -1.0, -1.0)), tiles(GREEN, SEA), target)
    torch.testing.assert_close(found, torch.full((1, 3, 16, 16), 0.5))


def test_the_nearest_tile_is_that_of_the_map() -> None:
    target = torch.randn(3, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    asked = tiles((0.6, 0.5, 0.3), (0.2, 0.6, 0.8))
    assert torch.equal(nearest_tile(asked, tiles(GREEN, SEA, SAND), target), target[[2, 1]])
