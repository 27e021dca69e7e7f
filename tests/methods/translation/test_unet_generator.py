import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from reverie.core.errors import UserError
from reverie.methods.translation.unet_generator import MOST_LEVELS, UNetGenerator, unet_levels


@given(st.integers(1, 3000))
def test_levels(size: int) -> None:
    powers = 0
    while size % 2 ** (powers + 1) == 0:
        powers += 1
    if powers < 2:
        with pytest.raises(UserError, match="multiples of 4"):
            unet_levels(size)
    else:
        assert unet_levels(size) == min(powers, MOST_LEVELS)


@pytest.mark.parametrize(("levels", "millions"), [(8, 54.414), (7, 41.829)])
def test_the_parameters_of_the_published_code(levels: int, millions: float) -> None:
    """unet_256 and unet_128 of pix2pix, as the original prints them."""
    with torch.device("meta"):
        network = UNetGenerator(3, 3, 64, levels, "batch")
    assert round(sum(p.numel() for p in network.parameters()) / 1e6, 3) == millions


@pytest.mark.parametrize(("inputs", "outputs"), [(1, 3), (3, 1), (3, 3)])
def test_sizes_and_range(inputs: int, outputs: int, generator: torch.Generator) -> None:
    network = UNetGenerator(inputs, outputs, 4, 3)
    made = network(10 * torch.randn(2, inputs, 16, 24, generator=generator))
    assert made.shape == (2, outputs, 16, 24)
    assert float(made.detach().abs().max()) <= 1
    assert network.multiple == 8


def test_the_bottleneck_sees_the_whole_image(generator: torch.Generator) -> None:
    """With the last skip connections cut, a pixel still depends on every other."""
    torch.manual_seed(0)
    network = UNetGenerator(1, 1, 4, 4, "none", dropout=False).double().eval()
    x = torch.randn(1, 1, 16, 16, generator=generator).double().requires_grad_(True)
    network(x)[0, 0, 0, 0].backward()
    assert x.grad is not None
    assert (x.grad != 0).all()


def test_skip_connections_are_concatenated() -> None:
    """Each upsampling but the innermost takes twice the channels that come from below."""
    ups = [
        layer.in_channels
        for layer in UNetGenerator(3, 3, 4, 5).modules()
        if isinstance(layer, nn.ConvTranspose2d)
    ]
    assert sorted(ups) == sorted([2 * 4, 2 * 8, 2 * 16, 2 * 32, 32])


def test_dropout_is_in_the_inner_levels_of_full_width() -> None:
    def dropouts(levels: int, dropout: bool = True) -> int:
        network = UNetGenerator(3, 3, 4, levels, dropout=dropout)
        return sum(isinstance(layer, nn.Dropout) for layer in network.modules())

    # Isola et al. 2017, appendix 6.1.1: three layers of dropout in the 256-pixel network.
    assert dropouts(8) == 3
    assert dropouts(8, dropout=False) == 0
    assert [dropouts(levels) for levels in (4, 5, 6)] == [0, 0, 1]


def test_dropout_makes_training_mode_random_and_eval_mode_not(generator: torch.Generator) -> None:
    x = torch.randn(2, 3, 64, 64, generator=generator)
    network = UNetGenerator(3, 3, 4, 6, "instance")
    assert not torch.equal(network(x), network(x))
    network.eval()
    assert torch.equal(network(x), network(x))


def test_the_layout_in_memory_is_kept(generator: torch.Generator) -> None:
    x = torch.randn(1, 3, 8, 8, generator=generator)
    network = UNetGenerator(3, 3, 4, 3, "instance").eval()
    layers = x.to(memory_format=torch.channels_last)
    torch.testing.assert_close(network(layers), network(x))
