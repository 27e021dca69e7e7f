"""The two plain guesses that the trainings are compared with."""

import torch

from reverie.experiments.earth import mean_colour, nearest_tile


def relief(latitude: float, water: bool, count: int = 1, side: int = 16) -> torch.Tensor:
    """Tiles of one latitude in [-1, 1], all land or all water."""
    tile = torch.tensor([0.0, latitude, 1.0 if water else -1.0])
    return tile[None, :, None, None].repeat(count, 1, side, side)


def test_the_mean_is_over_latitudes_close_by_and_over_land_or_water() -> None:
    source = torch.cat([relief(0, False, 2), relief(0, True), relief(0.5, False)])
    target = torch.stack([torch.full((3, 16, 16), x) for x in (0.1, 0.3, -0.5, 0.9)])
    asked = torch.cat([relief(2 / 127.5, False), relief(0, True), relief(0.5, False)])
    found = mean_colour(asked, source, target)
    for image, want in zip(found, (0.2, -0.5, 0.9), strict=True):
        torch.testing.assert_close(image, torch.full((3, 16, 16), want))


def test_of_a_latitude_that_was_never_seen_nothing_is_known() -> None:
    found = mean_colour(relief(-0.9, False), relief(0, False), torch.ones(1, 3, 16, 16))
    assert (found == 0).all()


def test_the_nearest_tile_is_that_of_the_relief() -> None:
    source = torch.cat([relief(0, False), relief(0, True), relief(0.5, False)])
    target = torch.randn(3, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    asked = torch.cat([relief(0.4, False), relief(0.1, True)])
    assert torch.equal(nearest_tile(asked, source, target), target[[2, 1]])
