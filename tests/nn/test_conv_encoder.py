import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from reverie.core.errors import UserError
from reverie.nn.conv_encoder import conv_encoder, downsampling_levels


@settings(max_examples=30)
@given(
    size=st.integers(3, 70),
    channels=st.sampled_from([1, 3]),
    width=st.sampled_from([2, 16]),
    outputs=st.integers(1, 5),
)
def test_images_of_any_size_become_latents(
    size: int, channels: int, width: int, outputs: int
) -> None:
    encoder = conv_encoder(channels, size, width, outputs)
    assert encoder(torch.zeros(2, channels, size, size)).shape == (2, outputs)
    head = encoder[-1]
    assert isinstance(head, nn.Linear)
    convolutions = [layer for layer in encoder if isinstance(layer, nn.Conv2d)]
    side = int((head.in_features / convolutions[-1].out_channels) ** 0.5)
    assert side <= 4
    assert max(layer.out_channels for layer in convolutions) <= 8 * width
    assert sum(layer.stride == (2, 2) for layer in convolutions) == len(convolutions) - 1


def test_the_channels_double_up_to_eightfold() -> None:
    layers = conv_encoder(3, 256, 4, 2)
    widths = [layer.out_channels for layer in layers if isinstance(layer, nn.Conv2d)]
    assert widths == [4, 8, 16, 32, 32, 32, 32]


def test_the_latent_of_an_image_does_not_depend_on_the_batch(generator: torch.Generator) -> None:
    encoder = conv_encoder(1, 16, 16, 4)  # group norm, in training mode too
    images = torch.randn(5, 1, 16, 16, generator=generator)
    torch.testing.assert_close(encoder(images)[2:3], encoder(images[2:3]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("size", "levels"),
    [(16, (2, 4)), (28, (2, 7)), (32, (3, 4)), (64, (4, 4)), (128, (5, 4)), (256, (6, 4))],
)
def test_levels(size: int, levels: tuple[int, int]) -> None:
    assert downsampling_levels(size) == levels
    assert levels[1] * 2 ** levels[0] == size


@given(st.integers(-3, 600).filter(lambda n: n not in (16, 28, 32, 64, 128, 256)))
def test_other_sizes_are_refused(size: int) -> None:
    with pytest.raises(UserError, match=f"not {size}: choose one with --image-size"):
        downsampling_levels(size)
