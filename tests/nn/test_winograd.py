import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reverie.nn import winograd
from reverie.nn.conv_forms import Geometry, usual, usual_gradients


@settings(max_examples=25)
@given(
    kernel=st.sampled_from([2, 3, 4]),
    padding=st.integers(0, 2),
    sides=st.tuples(st.integers(5, 14), st.integers(5, 14)),
    channels=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    images=st.integers(1, 3),
)
def test_is_the_convolution_and_its_gradients_in_float64(
    kernel: int,
    padding: int,
    sides: tuple[int, int],
    channels: tuple[int, int],
    images: int,
) -> None:
    random = torch.Generator().manual_seed(kernel + 10 * padding + 100 * sides[0])
    x = torch.randn(images, channels[0], *sides, generator=random)
    w = torch.randn(channels[1], channels[0], kernel, kernel, generator=random)
    geometry = Geometry(kernel, padding=padding)
    y = usual(x.double(), w.double(), None, geometry)
    dy = torch.randn(y.shape, generator=random)
    dx, dw = usual_gradients(dy.double(), x.double(), w.double(), geometry, data=True, weight=True)
    made = (
        winograd.forward(x, w, padding),
        winograd.data_gradient(dy, w, padding, sides),
        winograd.weight_gradient(dy, x, kernel, padding),
    )
    for ours, exact in zip(made, (y, dx, dw), strict=True):
        assert exact is not None
        assert ours.shape == exact.shape
        assert ours.is_contiguous(memory_format=torch.channels_last)
        assert (ours - exact).abs().max() <= 1e-5 * exact.abs().max()


def test_results_have_the_precision_of_the_tensors() -> None:
    x, w = torch.randn(1, 8, 10, 10).bfloat16(), torch.randn(8, 8, 3, 3).bfloat16()
    assert winograd.forward(x, w, 1).dtype == torch.bfloat16
    assert winograd.data_gradient(x, w, 1, (10, 10)).dtype == torch.bfloat16
    assert winograd.weight_gradient(x, x, 3, 1).dtype == torch.bfloat16


@pytest.mark.parametrize(("kernel", "size"), [(3, 4), (4, 3)])
def test_multiplications_are_a_quarter(kernel: int, size: int) -> None:
    assert winograd.tile_size(kernel) == size
    assert kernel**2 * size**2 == 4 * winograd.POINTS**2
