import pytest
import torch
from torch import nn

from reverie.core.errors import UserError
from reverie.methods.gan.networks import Discriminator, Generator


def parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_parameter_counts_of_the_paper() -> None:
    """The networks of Radford et al. at 64 pixels with 64 channels, counted by hand."""
    generator, discriminator = Generator(100, 3, 64, 64), Discriminator(3, 64, 64)
    up = 100 * 512 * 16 + 16 * (512 * 256 + 256 * 128 + 128 * 64 + 64 * 3)
    assert parameters(generator) == up + 2 * (512 + 256 + 128 + 64) + 3
    down = 16 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512)
    assert parameters(discriminator) == down + 2 * (128 + 256 + 512) + 64
    assert round(parameters(generator) / 1e6, 2) == 3.58
    assert round(parameters(discriminator) / 1e6, 2) == 2.77


@pytest.mark.parametrize("size", [16, 28, 32, 64, 128, 256])
@pytest.mark.parametrize("upsampling", ["transposed", "nearest"])
def test_sizes(size: int, upsampling: str) -> None:
    generator = Generator(5, 3, size, 2, upsampling)  # type: ignore[arg-type]
    pictures = generator(torch.randn(2, 5))
    assert pictures.shape == (2, 3, size, size)
    assert pictures.abs().max() <= 1
    assert Discriminator(3, size, 2)(pictures).shape == (2,)


@pytest.mark.parametrize("size", [(20, 28), (48, 48), (100, 44), (16, 96)])
@pytest.mark.parametrize("upsampling", ["transposed", "nearest"])
def test_sizes_that_are_no_powers_of_two(size: tuple[int, int], upsampling: str) -> None:
    generator = Generator(5, 3, size, 2, upsampling)  # type: ignore[arg-type]
    images = generator(torch.randn(2, 5))
    assert images.shape == (2, 3, size[1], size[0])
    assert Discriminator(3, size, 2)(images).shape == (2,)
    feature_map = Discriminator(3, size, 2).features(images)
    assert 2 <= min(feature_map.shape[-2:]) <= 5


@pytest.mark.parametrize("size", [8, 30, 516])
def test_other_sizes_are_refused(size: int) -> None:
    with pytest.raises(UserError, match=f"not {size}"):
        Generator(5, 3, size, 2)


def test_channels_double_up_to_32_fold() -> None:
    with torch.device("meta"):
        generator, discriminator = Generator(5, 3, 512, 2), Discriminator(3, 512, 2)
    widths = [layer.out_channels for layer in discriminator.body if isinstance(layer, nn.Conv2d)]
    assert widths == [2, 4, 8, 16, 32, 64, 64]
    assert generator.stem.out_channels == 64


def test_spectral_norm_bounds_every_layer() -> None:
    torch.manual_seed(0)
    network = Discriminator(1, 16, 8, "none", spectral=True)
    for _ in range(30):
        network(torch.randn(2, 1, 16, 16))
    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    norms = [torch.linalg.matrix_norm(m.weight.flatten(1), 2).item() for m in layers]
    assert norms == pytest.approx([1.0] * 3, rel=0.02)


def test_no_norm_on_the_first_layer_nor_at_the_ends() -> None:
    discriminator = Discriminator(3, 64, 8)
    kinds = [type(layer) for layer in discriminator.body]
    assert kinds[:2] == [nn.Conv2d, nn.LeakyReLU]
    assert kinds.count(nn.BatchNorm2d) == 3
    assert isinstance(Generator(5, 3, 64, 8).ups[-1], nn.ConvTranspose2d)
