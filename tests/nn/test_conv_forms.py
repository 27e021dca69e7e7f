import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reverie.nn.conv_forms import FORMS, Form, Geometry, usual, usual_gradients

Sizes = tuple[int, int]


def fitting(form: Form) -> list[tuple[Geometry, Sizes]]:
    """Geometries and channels, in and out, for which a form can be chosen."""
    geometries = [
        Geometry(kernel, stride, padding, transposed, int(transposed and stride > 1))
        for kernel, stride, padding, transposed in itertools.product(
            range(2, 8), (1, 2, 3), range(4), (False, True)
        )
    ]
    return [
        (geometry, channels)
        for geometry in geometries
        for channels in [(3, 32), (33, 4), (32, 34), (8, 5)]
        if any(form.fits(geometry, min(channels), positions) for positions in (1, 1000))
    ]


@pytest.mark.parametrize("name", FORMS)
@settings(max_examples=12)
@given(data=st.data(), sides=st.tuples(st.integers(8, 13), st.integers(8, 13)))
def test_forms_are_the_convolution_and_its_gradients_in_float64(
    name: str, data: st.DataObject, sides: Sizes
) -> None:
    form = FORMS[name]
    geometry, channels = data.draw(st.sampled_from(fitting(form)))
    random = torch.Generator().manual_seed(geometry.kernel + 10 * geometry.padding + 100 * sides[0])
    x = torch.randn(2, channels[0], *sides, generator=random)
    outwards = channels if geometry.transposed else channels[::-1]
    w = torch.randn(*outwards, geometry.kernel, geometry.kernel, generator=random)
    if data.draw(st.booleans()):
        x, w = (one.contiguous(memory_format=form.memory) for one in (x, w))
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
