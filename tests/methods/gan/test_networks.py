import pytest
import torch
from torch import nn

from reverie.core.errors import UserError
from reverie.methods.gan.networks import (
    FARTHEST_BOUND,
    ClusterGenerator,
    Discriminator,
    Generator,
    Projection,
)


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


@pytest.fixture
def images(generator: torch.Generator) -> torch.Tensor:
    return torch.rand(3, 1, 16, 16, generator=generator) * 2 - 1


def test_the_projection_discriminator_as_its_equation(images: torch.Tensor) -> None:
    """ψ(φ(x)) + ⟨V y, Σ φ(x)⟩: Miyato & Koyama 2018, equation 3, in float64."""
    torch.manual_seed(0)
    network = Projection(Discriminator(1, 16, 4, "none"), 3, spectral=False).double()
    labels = torch.tensor([2, 0, 2])
    features = network.body.features(images.double())
    expected = network.body.head(features).flatten()
    for row, label in enumerate(labels.tolist()):
        v = network.embedding.weight[label]
        expected[row] += sum(v[c] * features[row, c].sum() for c in range(len(v)))
    made = network(images.double(), labels)
    torch.testing.assert_close(made.double(), expected, rtol=1e-5, atol=1e-6)


def test_without_an_embedding_the_label_does_not_matter(images: torch.Tensor) -> None:
    network = Projection(Discriminator(1, 16, 4, "none"), 3, spectral=False)
    torch.nn.init.zeros_(network.embedding.weight)
    one, other = (network(images, torch.full((3,), label)) for label in (0, 1))
    assert torch.equal(one, other)


def test_clusters_are_generated_in_their_shares(generator: torch.Generator) -> None:
    network = ClusterGenerator(4, 3, 1, 16, 2, "nearest").eval()
    shares = torch.tensor([0.0, 0.5, 0.2, 0.3])
    network.set_frequencies(shares)
    latents = torch.randn(20_000, 3, generator=generator)
    chosen = (latents[:, :1] > network.bounds).sum(1)
    found = torch.bincount(chosen, minlength=4) / len(chosen)
    torch.testing.assert_close(found, shares, atol=0.015, rtol=0)
    assert network.bounds[0] == -FARTHEST_BOUND  # finite, or no checkpoint could be written
    some = latents[:8]
    torch.testing.assert_close(network(some), network(some, chosen[:8]))


def test_the_first_number_of_a_latent_chooses_the_cluster_alone() -> None:
    torch.manual_seed(0)
    network = ClusterGenerator(2, 3, 1, 16, 2, "nearest").eval()
    low, high, higher = (network(torch.tensor([[z, 1.0, -1.0]])) for z in (-1.0, 0.1, 2.0))
    assert torch.equal(high, higher)
    assert not torch.allclose(low, high)
