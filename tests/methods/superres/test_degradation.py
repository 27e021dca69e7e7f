"""How small pictures are made of large ones."""

import math

import numpy as np
import pytest
import torch
from PIL import Image

from reverie import images
from reverie.core.rng import Rng
from reverie.methods.superres.degradation import (
    BLUR_SIDE,
    degrade,
    downscale,
    gaussian,
    quantize_8bit,
)

chelsea = pytest.importorskip("skimage.data").chelsea


def rng(seed: int) -> Rng:
    return Rng(torch.Generator().manual_seed(seed))


@pytest.fixture
def pictures() -> torch.Tensor:
    pixels = chelsea()[40:136, 60:156]
    return images.to_tensor(np.stack([pixels, pixels[::-1]]))


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_shrinking_is_pillows_bicubic(pictures: torch.Tensor, scale: int) -> None:
    ours = images.to_uint8(downscale(pictures, scale)).astype(int)
    side = 96 // scale
    whole = Image.fromarray(images.to_uint8(pictures)[0])
    theirs = np.asarray(whole.resize((side, side), Image.Resampling.BICUBIC)).astype(int)
    assert np.abs(ours[0] - theirs).max() <= 1


def test_eight_bits_are_256_levels() -> None:
    levels = quantize_8bit(torch.linspace(-1.5, 1.5, 10_000)).unique()
    assert len(levels) == 256
    assert (levels.min(), levels.max()) == (-1, 1)


@pytest.mark.parametrize("seed", range(6))
def test_the_wild_is_a_function_of_the_draw(pictures: torch.Tensor, seed: int) -> None:
    one, again = (degrade(pictures, 4, rng(seed)) for _ in range(2))
    assert torch.equal(one, again)
    assert one.shape == (2, 3, 24, 24)
    assert not torch.equal(one, degrade(pictures, 4, rng(seed + 100)))
    clean = downscale(pictures, 4)
    error = float((one - clean).abs().mean())
    assert 0.005 < error < 0.5  # worse, and still the same picture
    alike = np.corrcoef(one.flatten(), clean.flatten())[0, 1]
    assert alike > 0.8


def test_blur_kernels() -> None:
    kernels = gaussian(torch.tensor([1.0, 3.0]), torch.tensor([1.0, 0.5]), torch.tensor([0.0, 0.0]))
    assert kernels.shape == (2, BLUR_SIDE, BLUR_SIDE)
    torch.testing.assert_close(kernels.sum((1, 2)), torch.ones(2))
    middle = BLUR_SIDE // 2
    ratio = float(kernels[0, middle, middle + 1] / kernels[0, middle, middle])
    assert ratio == pytest.approx(math.exp(-0.5))
    assert kernels[1, middle, middle + 3] > kernels[1, middle + 3, middle]  # wide along x
