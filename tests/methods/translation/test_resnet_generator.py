"""Networks of CycleGAN and pix2pix: published sizes, and what they depend on."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from reverie.core import image_io
from reverie.core.image_io import convert_channels
from reverie.methods.translation.patchgan import (
    PatchDiscriminator,
    PixelDiscriminator,
    discriminator,
)
from reverie.methods.translation.resnet_generator import ResNetGenerator
from reverie.methods.translation.unet_generator import UNetGenerator, unet_levels
from reverie.nn.norms import InstanceNorm, initialize_weights


def parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def dead_biases(network: nn.Module) -> int:
    """Biases that the original has before its instance norms, where they do nothing."""
    return sum(layer.channels for layer in network.modules() if isinstance(layer, InstanceNorm))


@pytest.mark.parametrize(
    ("network", "published"),
    [
        (ResNetGenerator(3, 3, blocks=9), 11_378_179),
        (ResNetGenerator(3, 3, blocks=6), 7_837_699),
        (ResNetGenerator(3, 3, blocks=9, norm="batch"), 11_383_427),
        (UNetGenerator(3, 3, levels=8), 54_413_955),
        (UNetGenerator(3, 3, levels=7), 41_828_995),
        (PatchDiscriminator(3), 2_764_737),
        (PatchDiscriminator(6, norm="batch"), 2_768_705),
        (PatchDiscriminator(3, layers=1), 136_385),
        (PatchDiscriminator(3, layers=2), 662_977),
        (PatchDiscriminator(3, layers=4), 6_959_553),
        (PatchDiscriminator(3, layers=5), 11_154_369),
        (PixelDiscriminator(3), 8_705),
    ],
    ids=lambda x: type(x).__name__ if isinstance(x, nn.Module) else str(x),
)
def test_parameters_as_published(network: nn.Module, published: int) -> None:
    assert parameters(network) + dead_biases(network) == published


@pytest.mark.parametrize(
    ("kind", "layers", "size", "side"),
    [
        ("patch", 3, 64, 6),
        ("patch", 3, 128, 14),
        ("patch", 3, 256, 30),
        ("patch-same", 4, 128, 8),
        ("patch-same", 4, 256, 16),
        ("pixel", 3, 32, 32),
    ],
)
def test_maps_of_discriminators(kind: str, layers: int, size: int, side: int) -> None:
    network = discriminator(kind, 3, 4, layers, "instance")  # type: ignore[arg-type]
    assert network(torch.zeros(1, 3, size, size)).shape == (1, 1, side, side)


def seen_side(network: nn.Module, size: int) -> int:
    """The side of the square of the input on which the middle of the output depends."""
    x = torch.zeros(1, 3, size, size, requires_grad=True)
    y = network(x)
    middle = y.shape[-1] // 2
    y[0, 0, middle, middle].backward()
    assert x.grad is not None
    return int((x.grad.abs().sum((0, 1, 2)) > 0).sum())


def test_receptive_fields() -> None:
    assert seen_side(PatchDiscriminator(3, 4, norm="none"), 128) == 70
    assert seen_side(PatchDiscriminator(3, 4, 4, "none", same=True), 256) == 94


@pytest.mark.parametrize("resampling", ["transposed", "nearest", "antialiased"])
@pytest.mark.parametrize("joins", [False, True])
def test_nothing_comes_from_beyond_the_reach(resampling: str, joins: bool) -> None:
    network = ResNetGenerator(3, 3, 4, 2, "none", False, resampling, joins)  # type: ignore[arg-type]
    for parameter in network.parameters():  # every layer a mean: nothing is dead or saturated
        nn.init.constant_(parameter, 1 / parameter[0].numel() if parameter.ndim > 1 else 0.0)
    x = torch.rand(1, 3, 128, 128, requires_grad=True)
    for place in (60, 61, 62, 63):
        (gradient,) = torch.autograd.grad(network(x)[0, 0, place, place], x)
        rows = gradient.abs().sum((0, 1, 3)).nonzero().flatten()
        assert place - network.receptive_radius <= rows.min()
        assert rows.max() <= place + network.receptive_radius


def test_a_residual_translator_begins_as_the_picture() -> None:
    network = ResNetGenerator(3, 3, 4, 1, "group", residual=True)
    initialize_weights(network)
    x = torch.rand(2, 3, 16, 16) * 2 - 1
    assert (network(x) - x).abs().max() < 0.1
    white = torch.ones(1, 3, 16, 16)
    assert (network(white) - white).abs().max() < 0.02
    assert network(white * 5).abs().max() <= 1 / 0.97  # beyond the range nothing breaks


@pytest.mark.parametrize(
    "network",
    [
        ResNetGenerator(3, 3, 4, 1, "group", keeps_luma=True),
        ResNetGenerator(3, 3, 4, 1, "group", residual=True, keeps_luma=True),
        UNetGenerator(3, 3, 4, 3, "instance", keeps_luma=True).eval(),
    ],
)
def test_luma_is_kept_and_colours_are_generated(network: nn.Module) -> None:
    """Also in bfloat16, whose luma would have steps of 1/128. Luma is that of Pillow."""
    x = (torch.rand(2, 3, 16, 16) - 0.5).mean(1, keepdim=True).expand(-1, 3, -1, -1)
    for precise in (False, True):
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=not precise):
            made = network(x)
        assert (made.amax(1) - made.amin(1)).max() > 0.05
        torch.testing.assert_close(convert_channels(made, 1), x[:, :1], rtol=0, atol=1e-5)
    inside = (made[0].abs().amax(0) < 1).numpy()
    luma = np.asarray(Image.fromarray(image_io.to_uint8(made)[0]).convert("L")).astype(int)
    assert inside.mean() > 0.5
    assert np.abs(luma - image_io.to_uint8(x)[0, ..., 0])[inside].max() <= 1


def test_a_warp_begins_at_nothing_and_zooms() -> None:
    network = ResNetGenerator(3, 3, 4, 1, "none", residual=True, warps=True)
    for parameter in network.parameters():
        nn.init.zeros_(parameter)
    x = torch.rand(1, 3, 32, 32) * 2 - 1
    torch.testing.assert_close(network(x), x, rtol=0, atol=1e-4)
    assert network.warp is not None
    with torch.no_grad():
        network.warp[0, 0] = network.warp[1, 1] = -0.5  # looks at the middle half
    middle = nn.functional.interpolate(x[..., 8:24, 8:24], scale_factor=2, mode="bilinear")
    torch.testing.assert_close(
        network(x)[..., 2:-2, 2:-2], middle[..., 2:-2, 2:-2], rtol=0, atol=1e-3
    )
    assert not hasattr(network, "receptive_radius")  # and so is never tiled


def test_instance_norm_is_pytorchs() -> None:
    x = torch.randn(2, 6, 5, 7) * 3 + 1
    torch.testing.assert_close(InstanceNorm(6)(x), nn.InstanceNorm2d(6)(x), rtol=1e-4, atol=1e-5)
    half = InstanceNorm(6)(x.bfloat16())
    torch.testing.assert_close(half.float(), nn.InstanceNorm2d(6)(x), rtol=0.02, atol=0.02)


def test_halvings_of_a_unet() -> None:
    assert [unet_levels(size) for size in (28, 32, 64, 96, 256, 512)] == [2, 5, 6, 5, 8, 8]
