"""SPAN against the paper's equations, written out with NumPy's and SciPy's own operations."""

import numpy as np
import torch
from scipy.signal import correlate
from scipy.special import expit
from torch import nn

from reverie.methods.superres.span import SPAN


def conv(x: np.ndarray, layer: nn.Conv2d) -> np.ndarray:
    """Convolution [C, H, W] padded with zeros, plus bias."""
    weight = layer.weight.detach().numpy().astype(float)
    assert layer.bias is not None
    sums = [
        sum(correlate(plane, kernel, "same") for plane, kernel in zip(x, kernels, strict=True))
        for kernels in weight
    ]
    return np.stack(sums) + layer.bias.detach().numpy()[:, None, None]


def silu(x: np.ndarray) -> np.ndarray:
    return x * expit(x)


def test_equals_the_equations(generator: torch.Generator) -> None:
    network = SPAN(3, 2, 4, 3)
    for parameter in network.parameters():
        nn.init.normal_(parameter, 0.0, 0.3, generator=generator)
    x = torch.rand(1, 3, 6, 7, generator=generator)

    start = conv(x[0].numpy().astype(float), network.first)
    outputs, inner = [start], start
    for block in network.attention_blocks:
        inner = conv(outputs[-1], block.conv1)
        out = conv(silu(conv(silu(inner), block.conv2)), block.conv3)
        outputs.append((outputs[-1] + out) * (expit(out) - 0.5))
    parts = [start, conv(outputs[-1], network.after), outputs[1], inner]
    detail = conv(conv(np.concatenate(parts), network.merge), network.last)
    shuffled = detail.reshape(3, 2, 2, 6, 7).transpose(0, 3, 1, 4, 2).reshape(3, 12, 14)
    repeated = x[0].numpy().repeat(2, axis=1).repeat(2, axis=2)

    made = network.upscale01(x)[0].detach().numpy()
    np.testing.assert_allclose(made, shuffled + repeated, rtol=1e-4, atol=1e-4)


def test_starts_at_nearest_neighbour_upsampling(generator: torch.Generator) -> None:
    x = torch.rand(2, 3, 8, 8, generator=generator)
    repeated = x.repeat_interleave(4, 2).repeat_interleave(4, 3)
    assert (SPAN(3, 4).upscale01(x) - repeated).abs().mean() < 0.02
