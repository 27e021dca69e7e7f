import pytest
import torch

from reverie.core.errors import UserError
from reverie.data import ImageSpec
from reverie.methods.gan.cgan import CGAN, CGANOptions, LabelChannel
from reverie.methods.gan.networks import Discriminator

SPEC = ImageSpec(1, 16, ("a", "b", "c"))


@pytest.fixture
def images(generator: torch.Generator) -> torch.Tensor:
    return torch.rand(3, 1, 16, 16, generator=generator) * 2 - 1


def test_the_label_as_a_channel(images: torch.Tensor) -> None:
    network = LabelChannel(Discriminator(2, 16, 4, "none"), 3, 5, 16)
    labels = torch.tensor([2, 0, 1])
    plane = network.plane(network.embedding(labels)).reshape(3, 1, 16, 16)
    expected = network.body(torch.cat([images, plane], 1))
    torch.testing.assert_close(network(images, labels), expected)


@pytest.mark.parametrize("conditional_norm", [False, True])
def test_the_class_changes_the_image(conditional_norm: bool) -> None:
    torch.manual_seed(0)
    options = CGANOptions(
        width=4, latent_size=6, embedding_size=4, conditional_norm=conditional_norm
    )
    method = CGAN(options, SPEC).eval()
    z = torch.randn(2, 6, generator=torch.Generator().manual_seed(0))
    a, b = (method.generate(z, torch.full((2,), label)) for label in (0, 1))
    assert a.shape == (2, 1, 16, 16)
    assert not torch.equal(a, b)
    embedded = method.embedding.weight[1].expand(2, -1)
    torch.testing.assert_close(method.generate_from_embedding(z, embedded), b)


def test_between_two_classes_lies_a_path() -> None:
    torch.manual_seed(0)
    method = CGAN(CGANOptions(width=4, latent_size=6, embedding_size=4), SPEC).eval()
    z = torch.randn(1, 6, generator=torch.Generator().manual_seed(0))
    a, b = method.embedding.weight[:1], method.embedding.weight[1:2]
    ends = [method.generate_from_embedding(z, e) for e in (a, b)]
    near = method.generate_from_embedding(z, a + 0.01 * (b - a))
    assert (near - ends[0]).abs().mean() < (near - ends[1]).abs().mean()


@pytest.mark.parametrize("classes", [(), ("a",)])
def test_one_class_is_no_condition(classes: tuple[str, ...]) -> None:
    with pytest.raises(UserError, match="needs images of two classes or more"):
        CGAN(CGANOptions(), ImageSpec(1, 16, classes))
