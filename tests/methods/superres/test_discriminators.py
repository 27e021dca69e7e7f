import pytest
import torch
from torch import nn

from reverie.methods.superres.discriminators import (
    SRDiscriminator,
    UNetDiscriminator,
    discriminator,
)


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_the_papers_discriminator() -> None:
    assert SRDiscriminator(3)(torch.rand(2, 3, 96, 96)).shape == (2, 1)
    assert count(SRDiscriminator(3)) == 23_563_649  # 18,874,368 of them from 512 × 6 × 6 to 1024


def test_the_size_of_real_esrgans() -> None:
    """The published U-Net of width 64 has 4,376,897 weights; spectral norm adds buffers alone."""
    assert count(UNetDiscriminator(3)) == 4_376_897


@pytest.mark.parametrize("size", [(32, 32), (30, 45), (8, 8)])
def test_a_logit_for_each_pixel(size: tuple[int, int]) -> None:
    network = UNetDiscriminator(3, 4).eval()
    images = torch.rand(2, 3, *size)
    logits = network(images)
    assert logits.shape == (2, 1, *size)
    alone = network(images[1:])
    torch.testing.assert_close(alone, logits[1:])  # nothing is shared between images


def test_a_pixel_is_judged_by_what_is_near_it() -> None:
    network = UNetDiscriminator(1, 4).eval()
    image = torch.zeros(1, 1, 128, 128)
    changed = image.clone()
    changed[..., 4, 4] = 1.0
    difference = (network(changed) - network(image)).abs()[0, 0]
    assert difference[:16, :16].max() > 0
    assert difference[96:, 96:].max() == 0


def test_by_kind() -> None:
    assert isinstance(discriminator("single", 3, 4), SRDiscriminator)
    assert isinstance(discriminator("unet", 3, 4), UNetDiscriminator)
