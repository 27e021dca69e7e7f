from typing import get_args

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from reverie.methods.translation.patchgan import (
    PatchDiscriminator,
    PatchKind,
    PixelDiscriminator,
    SamePadConv2d,
    discriminator,
)
from reverie.nn.norms import InstanceNorm


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def receptive_field(network: nn.Module, size: int, channels: int = 3) -> tuple[int, int]:
    """Height and width of the pixels on which the middle logit depends."""
    x = torch.rand(1, channels, size, size, dtype=torch.double).requires_grad_(True)
    made = network.double()(x)
    made[0, 0, made.shape[2] // 2, made.shape[3] // 2].backward()
    assert x.grad is not None
    rows, columns = x.grad[0].abs().sum(0).nonzero().unbind(1)
    return int(rows.max() - rows.min()) + 1, int(columns.max() - columns.min()) + 1


@pytest.mark.parametrize(("layers", "side"), [(1, 16), (2, 34), (3, 70), (4, 142)])
def test_the_papers_receptive_fields(layers: int, side: int) -> None:
    """Isola et al. 2017, section 4.4 and appendix 6.1.2: 16, 34 and 70 pixels."""
    torch.manual_seed(0)
    network = PatchDiscriminator(3, 2, layers, "none")
    assert receptive_field(network, 3 * side) == (side, side)


def test_the_parameters_of_the_published_code() -> None:
    """2.769 M for pix2pix and 2.765 M for CycleGAN, as the original prints them."""
    assert round(count(PatchDiscriminator(6, 64, 3, "batch")) / 1e6, 3) == 2.769
    redundant = 128 + 256 + 512  # its biases before instance norms, which have no effect
    assert count(PatchDiscriminator(3, 64, 3, "instance")) == 2_764_737 - redundant


@settings(max_examples=20)
@given(size=st.integers(40, 80), layers=st.integers(1, 3), inputs=st.sampled_from([1, 3, 6]))
def test_the_size_of_the_logit_map(size: int, layers: int, inputs: int) -> None:
    made = PatchDiscriminator(inputs, 2, layers)(torch.zeros(1, inputs, size, size))
    side = size
    for _ in range(layers):
        side = (side + 2 - 4) // 2 + 1
    assert made.shape == (1, 1, side - 2, side - 2)


def test_a_pixel_is_judged_alone(generator: torch.Generator) -> None:
    assert receptive_field(PixelDiscriminator(3, 4, "none"), 9) == (1, 1)
    network = PixelDiscriminator(3, 4, "batch").eval()
    x = torch.randn(2, 3, 5, 7, generator=generator)
    made = network(x)
    assert made.shape == (2, 1, 5, 7)
    torch.testing.assert_close(network(x[:, :, 2:3, 4:5]), made[:, :, 2:3, 4:5])


def test_same_padding_adds_the_extra_pixel_below_and_right(generator: torch.Generator) -> None:
    x = torch.randn(1, 2, 6, 6, generator=generator)
    layer = SamePadConv2d(2, 1, 4)
    padded = nn.functional.pad(x, (1, 2, 1, 2))
    expected = nn.functional.conv2d(padded, layer.weight, layer.bias)
    torch.testing.assert_close(layer(x), expected)
    assert layer(x).shape == (1, 1, 6, 6)


def test_the_variant_with_same_padding() -> None:
    network = discriminator("patch-same", 3, 2, 4, "instance")
    assert network(torch.zeros(1, 3, 128, 128)).shape == (1, 1, 8, 8)


@pytest.mark.parametrize("kind", get_args(PatchKind))
@pytest.mark.parametrize("spectral", [False, True])
def test_kinds(kind: PatchKind, spectral: bool) -> None:
    network = discriminator(kind, 3, 4, 2, "none", spectral)
    convolutions = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    for layer in convolutions:
        assert hasattr(layer, "parametrizations") == spectral
    assert isinstance(network, PixelDiscriminator) == (kind == "pixel")
    assert sum(isinstance(c, SamePadConv2d) for c in convolutions) == (kind == "patch-same")


def test_spectral_norm_bounds_the_largest_singular_value() -> None:
    torch.manual_seed(0)
    network = discriminator("patch", 3, 8, 2, "none", spectral=True)
    for _ in range(30):  # power iterations
        network(torch.zeros(1, 3, 32, 32))
    for layer in network.eval().modules():
        if isinstance(layer, nn.Conv2d):
            largest = torch.linalg.matrix_norm(layer.weight.flatten(1), 2)
            assert float(largest.detach()) == pytest.approx(1, abs=0.05)


def test_the_first_and_last_convolution_have_no_norm() -> None:
    kinds = [type(layer) for layer in PatchDiscriminator(3, 4, 3).model]
    assert kinds[:3] == [nn.Conv2d, nn.LeakyReLU, nn.Conv2d]
    assert kinds[-2:] == [nn.LeakyReLU, nn.Conv2d]
    assert kinds.count(InstanceNorm) == 3


def test_channels_double_up_to_eightfold() -> None:
    network = PatchDiscriminator(3, 4, 6)
    widths = [layer.out_channels for layer in network.model if isinstance(layer, nn.Conv2d)]
    assert widths == [4, 8, 16, 32, 32, 32, 32, 1]
