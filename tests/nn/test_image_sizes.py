import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from reverie.core.errors import UserError
from reverie.core.image_size import Size
from reverie.nn.image_sizes import doubling, halved_sizes, nearest_sizes

sides = st.integers(4, 128).map(lambda quarter: 4 * quarter)


@pytest.mark.parametrize(
    ("size", "levels"),
    [(16, (2, 4)), (28, (2, 7)), (32, (3, 4)), (64, (4, 4)), (128, (5, 4)), (256, (6, 4))],
)
def test_levels_of_sizes_that_older_models_have(size: int, levels: tuple[int, int]) -> None:
    sizes = halved_sizes(size)
    assert (len(sizes) - 1, *sizes[-1]) == (*levels, levels[1])


@given(sides, sides, st.sampled_from([5, 7]))
def test_both_sides_are_halved_together_to_a_few_pixels(width: int, height: int, most: int) -> None:
    sizes = halved_sizes((width, height), most)
    assert sizes[0] == (width, height)
    assert sizes == [Size(width >> level, height >> level) for level in range(len(sizes))]
    assert 3 <= min(sizes[-1]) <= most < min(sizes[-2])


@given(st.integers(3, 30), st.integers(3, 30), st.booleans(), st.booleans())
def test_doubling_undoes_the_halving(width: int, height: int, odd: bool, tall: bool) -> None:
    small, large = Size(width, height), Size(2 * width + odd, 2 * height + tall)
    layer = doubling(2, 3, small, large)
    assert layer(torch.zeros(1, 2, *small.shape)).shape == (1, 3, *large.shape)
    halving = torch.nn.Conv2d(3, 2, 4, 2, 1)
    assert halving(torch.zeros(1, 3, *large.shape)).shape == (1, 2, *small.shape)


@pytest.mark.parametrize(
    ("size", "remedy"),
    [
        (30, "not 30×30: use --image-size 28 or 32."),
        (13, "use --image-size 16 or larger."),
        (516, "use --image-size 512 or smaller."),
        ("30x50", "not 30×50: use --image-size 28x48 or 32x52."),
        ("64x15", "use --image-size 64x16 or larger."),
        ("8x1024", "no size near it fits."),
    ],
)
def test_other_sizes_are_refused_and_the_nearest_named(size: int | str, remedy: str) -> None:
    with pytest.raises(UserError, match="multiples of 4 from 16 to 512 pixels") as refused:
        halved_sizes(size)
    assert str(refused.value).endswith(remedy)


def test_the_nearest_sizes_keep_to_a_step() -> None:
    assert nearest_sizes(Size(31, 31), lambda size: size.width % 3 == 0, 3) == (
        "use --image-size 30 or 33."
    )
    assert nearest_sizes(Size(6, 9), lambda size: True, 3) == "use --image-size 6x9."
