import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reverie.nn.conv_forms import FORMS, Geometry, usual, usual_gradients


@settings(max_examples=40)
@given(
    name=st.sampled_from(sorted(FORMS)),
    kernel=st.integers(2, 7),
    stride=st.integers(1, 3),
    padding=st.integers(0, 3),
    transposed=st.booleans(),
    sides=st.tuples(st.integers(8, 13), st.integers(8, 13)),
    channels=st.sampled_from([(3, 32), (33, 4), (32, 34), (8, 5)]),
)
def test_forms_are_the_convolution_and_its_gradients_in_float64(
    name: str,
    kernel: int,
    stride: int,
    padding: int,
    transposed: bool,
    sides: tuple[int, int],
    channels: tuple[int, int],
) -> None:
    geometry = Geometry(kernel, stride, padding, transposed, int(transposed and stride > 1))
    form = FORMS[name]
    if not form.fits(geometry, min(channels), 1):
        return
    random = torch.Generator().manual_seed(kernel + 10 * padding + 100 * sides[0])
    x = torch.randn(2, channels[0], *sides, generator=random)
    outwards = channels if transposed else channels[::-1]
    w = torch.randn(*outwards, kernel, kernel, generator=random)
    y = usual(x.double(), w.double(), None, geometry)
    dy = torch.randn(y.shape, generator=random)
    dx, dw = usual_gradients(dy.double(), x.double(), w.double(), geometry, data=True, weight=True)
    made = [
        (form.forward and form.forward(x, w, geometry), y),
        (form.data_gradient and form.data_gradient(dy, w, geometry, sides), dx),
        (form.weight_gradient and form.weight_gradient(dy, x, geometry), dw),
    ]
    for ours, exact in made:
        if ours is not None:
            assert exact is not None
            assert ours.shape == exact.shape
            assert ours.is_contiguous(memory_format=form.memory)
            assert (ours - exact).abs().max() <= 1e-5 * exact.abs().max()


@pytest.mark.parametrize("transposed", [False, True])
def test_usual_is_that_of_the_layers(transposed: bool) -> None:
    kind = torch.nn.ConvTranspose2d if transposed else torch.nn.Conv2d
    layer, x = kind(4, 6, 3, 2, 1), torch.randn(2, 4, 9, 8)
    assert layer.bias is not None
    geometry = Geometry(3, 2, 1, transposed)
    assert torch.equal(usual(x, layer.weight, layer.bias, geometry), layer(x))
