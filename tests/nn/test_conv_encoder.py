import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from reverie.nn.conv_encoder import conv_encoder


@settings(max_examples=30)
@given(
    width=st.integers(3, 70),
    height=st.integers(3, 70),
    channels=st.sampled_from([1, 3]),
    first=st.sampled_from([2, 16]),
    outputs=st.integers(1, 5),
)
def test_images_of_any_size_become_latents(
    width: int, height: int, channels: int, first: int, outputs: int
) -> None:
    encoder = conv_encoder(channels, (width, height), first, outputs)
    assert encoder(torch.zeros(2, channels, height, width)).shape == (2, outputs)
    head = encoder[-1]
    assert isinstance(head, nn.Linear)
    convolutions = [layer for layer in encoder if isinstance(layer, nn.Conv2d)]
    halvings = len(convolutions) - 1
    smallest = sorted((width >> halvings, height >> halvings))
    assert head.in_features == convolutions[-1].out_channels * smallest[0] * smallest[1]
    assert smallest[0] <= 4
    assert max(layer.out_channels for layer in convolutions) <= 8 * first
    assert sum(layer.stride == (2, 2) for layer in convolutions) == len(convolutions) - 1


def test_the_channels_double_up_to_eightfold() -> None:
    layers = conv_encoder(3, 256, 4, 2)
    widths = [layer.out_channels for layer in layers if isinstance(layer, nn.Conv2d)]
    assert widths == [4, 8, 16, 32, 32, 32, 32]


def test_the_latent_of_an_image_does_not_depend_on_the_batch(generator: torch.Generator) -> None:
    encoder = conv_encoder(1, 16, 16, 4)  # group norm, in training mode too
    images = torch.randn(5, 1, 16, 16, generator=generator)
    torch.testing.assert_close(encoder(images)[2:3], encoder(images[2:3]), rtol=1e-4, atol=1e-5)
