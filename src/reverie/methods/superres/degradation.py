"""Small pictures out of large ones, to learn the way back.

`shrink` is the antialiased bicubic of the papers. `degrade` is what happens to pictures in the
wild: blur, resizing, noise and JPEG, in an order of their own, twice (Wang et al. 2021,
"Real-ESRGAN").
"""

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from reverie.core import images
from reverie.core.rng import Draw

BLUR_SIDE = 13


MODES = ("bicubic", "bilinear", "area")


def shrink(pictures: Float[Tensor, "b c h w"], scale: int) -> Float[Tensor, "b c h2 w2"]:
    """Antialiased bicubic, rounded as if saved with 8 bits; sides must be multiples of `scale`."""
    return in_eight_bits(
        resized(pictures, pictures.shape[-2] // scale, pictures.shape[-1] // scale)
    )


def resized(
    pictures: Float[Tensor, "b c h w"], height: int, width: int, mode: str = "bicubic"
) -> Float[Tensor, "b c height width"]:
    """Antialiased where the picture becomes smaller."""
    if mode == "area":
        return F.interpolate(pictures, (height, width), mode="area")
    return F.interpolate(pictures, (height, width), mode=mode, antialias=True)


def in_eight_bits(pictures: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
    """Clipped to [-1, 1] and rounded to 256 levels."""
    return ((pictures.clamp(-1, 1) + 1) * 127.5).round() / 127.5 - 1


def degrade(
    pictures: Float[Tensor, "b c h w"], scale: int, draw: Draw
) -> Float[Tensor, "b c h2 w2"]:
    """Blur, resize, noise and JPEG in random order, twice, the second time more gently.

    Args:
        pictures: [-1, 1], sides multiples of `scale`.
        scale: how many times smaller they come back.
        draw: decides everything; pictures of a batch share the order and differ in strength.
    """
    height, width = pictures.shape[-2] // scale, pictures.shape[-1] // scale
    for strength in (1.0, 0.5):
        order = draw.uniform(4).argsort().tolist()
        for number in order:
            pictures = (_blurred, _rescaled, _noisy, _saved)[number](pictures, strength, draw)
    mode = MODES[int(draw.integers(len(MODES), 1))]
    return in_eight_bits(resized(pictures, height, width, mode))


def gaussian(
    sigma_x: Float[Tensor, " b"], sigma_y: Float[Tensor, " b"], angle: Float[Tensor, " b"]
) -> Float[Tensor, "b side side"]:
    """Gaussian kernels of sum 1, stretched along `angle` (radians); σ in pixels."""
    line = torch.arange(BLUR_SIDE, device=angle.device) - BLUR_SIDE // 2
    y, x = torch.meshgrid(line, line, indexing="ij")
    cos, sin = angle.cos()[:, None, None], angle.sin()[:, None, None]
    along, across = x * cos + y * sin, y * cos - x * sin
    weights = (along / sigma_x[:, None, None]).square() + (across / sigma_y[:, None, None]).square()
    kernels = torch.exp(-0.5 * weights)
    return kernels / kernels.sum((1, 2), keepdim=True)


def _blurred(pictures: Tensor, strength: float, draw: Draw) -> Tensor:
    count, channels = pictures.shape[:2]
    sigmas = [0.2 + draw.uniform(count) * 2.8 * strength for _ in "xy"]
    kernels = gaussian(sigmas[0], sigmas[1], draw.uniform(count) * math.pi)
    margin = BLUR_SIDE // 2
    padded = F.pad(pictures, (margin,) * 4, mode="replicate")
    kernels = kernels.repeat_interleave(channels, 0)[:, None]
    one = padded.reshape(1, count * channels, *padded.shape[2:])
    return F.conv2d(one, kernels, groups=count * channels).reshape(pictures.shape)


def _rescaled(pictures: Tensor, strength: float, draw: Draw) -> Tensor:
    """Smaller or larger for a moment, by up to a half or the half more."""
    share = 1 + (float(draw.uniform(1)) - 0.6) * strength
    mode = MODES[int(draw.integers(len(MODES), 1))]
    height, width = pictures.shape[-2:]
    there = resized(pictures, max(8, round(height * share)), max(8, round(width * share)), mode)
    return resized(there, height, width)


def _noisy(pictures: Tensor, strength: float, draw: Draw) -> Tensor:
    """Gaussian noise of up to 20 levels; of half of the pictures the same in every colour."""
    count = len(pictures)
    sigma = draw.uniform(count, 1, 1, 1) * 20 / 127.5 * strength
    grey = draw.uniform(count, 1, 1, 1) < 0.5
    noise = draw.normal(*pictures.shape)
    return pictures + sigma * torch.where(grey, noise[:, :1], noise)


def _saved(pictures: Tensor, strength: float, draw: Draw) -> Tensor:
    """As JPEG of quality 30 to 95."""
    lowest = 95 - 65 * strength
    qualities = (lowest + draw.uniform(len(pictures)) * (95 - lowest)).round().int().tolist()
    pixels = images.to_uint8(pictures)
    saved = [images.through_jpeg(p, quality) for p, quality in zip(pixels, qualities, strict=True)]
    return images.to_tensor(np.stack(saved)).to(pictures.device)
