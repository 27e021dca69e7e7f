"""Degradation models: low-resolution training inputs from high-resolution images.

`downscale` is antialiased bicubic interpolation, as in the papers. `degrade` is a second-order
degradation as in Real-ESRGAN (Wang et al. 2021): blur, resizing, noise and JPEG in random order,
twice.
"""

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from reverie.core import image_io
from reverie.core.rng import Rng

BLUR_SIDE = 13


MODES = ("bicubic", "bilinear", "area")


def downscale(images: Float[Tensor, "b c h w"], scale: int) -> Float[Tensor, "b c h2 w2"]:
    """Antialiased bicubic downscaling, quantized to 8 bits; sides are multiples of `scale`."""
    return quantize_8bit(resized(images, images.shape[-2] // scale, images.shape[-1] // scale))


def resized(
    images: Float[Tensor, "b c h w"], height: int, width: int, mode: str = "bicubic"
) -> Float[Tensor, "b c height width"]:
    """Image resized to [height, width], antialiased when downscaling."""
    if mode == "area":
        return F.interpolate(images, (height, width), mode="area")
    return F.interpolate(images, (height, width), mode=mode, antialias=True)


def quantize_8bit(images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
    """Image clipped to [-1, 1] and rounded to 256 levels."""
    return ((images.clamp(-1, 1) + 1) * 127.5).round() / 127.5 - 1


def degrade(images: Float[Tensor, "b c h w"], scale: int, rng: Rng) -> Float[Tensor, "b c h2 w2"]:
    """Low-resolution images after blur, resize, noise and JPEG in random order, applied twice.

    The second pass has half the strength. The images of a batch share the order of operations and
    the resize factors, and differ in the other parameters.

    Args:
        images: [-1, 1], sides multiples of `scale`.
        scale: downscaling factor.
        rng: random generator of all choices.
    """
    height, width = images.shape[-2] // scale, images.shape[-1] // scale
    for strength in (1.0, 0.5):
        order = rng.uniform(4).argsort().tolist()
        for number in order:
            images = (_blurred, _rescaled, _noisy, _saved)[number](images, strength, rng)
    mode = MODES[int(rng.integers(len(MODES), 1))]
    return quantize_8bit(resized(images, height, width, mode))


def gaussian(
    sigma_x: Float[Tensor, " b"], sigma_y: Float[Tensor, " b"], angle: Float[Tensor, " b"]
) -> Float[Tensor, "b side side"]:
    """Anisotropic Gaussian kernels of sum 1, rotated by `angle` (radians); σ in pixels."""
    line = torch.arange(BLUR_SIDE, device=angle.device) - BLUR_SIDE // 2
    y, x = torch.meshgrid(line, line, indexing="ij")
    cos, sin = angle.cos()[:, None, None], angle.sin()[:, None, None]
    along, across = x * cos + y * sin, y * cos - x * sin
    weights = (along / sigma_x[:, None, None]).square() + (across / sigma_y[:, None, None]).square()
    kernels = torch.exp(-0.5 * weights)
    return kernels / kernels.sum((1, 2), keepdim=True)


def _blurred(images: Tensor, strength: float, rng: Rng) -> Tensor:
    count, channels = images.shape[:2]
    sigmas = [0.2 + rng.uniform(count) * 2.8 * strength for _ in "xy"]
    kernels = gaussian(sigmas[0], sigmas[1], rng.uniform(count) * math.pi)
    margin = BLUR_SIDE // 2
    padded = F.pad(images, (margin,) * 4, mode="replicate")
    kernels = kernels.repeat_interleave(channels, 0)[:, None]
    one = padded.reshape(1, count * channels, *padded.shape[2:])
    return F.conv2d(one, kernels, groups=count * channels).reshape(images.shape)


def _rescaled(images: Tensor, strength: float, rng: Rng) -> Tensor:
    """Images resized by a factor from [0.4, 1.4) at strength 1, and back."""
    share = 1 + (float(rng.uniform(1)) - 0.6) * strength
    mode = MODES[int(rng.integers(len(MODES), 1))]
    height, width = images.shape[-2:]
    there = resized(images, max(8, round(height * share)), max(8, round(width * share)), mode)
    return resized(there, height, width)


def _noisy(images: Tensor, strength: float, rng: Rng) -> Tensor:
    """Gaussian noise with σ up to 20/255; equal in all channels for half of the images."""
    count = len(images)
    sigma = rng.uniform(count, 1, 1, 1) * 20 / 127.5 * strength
    grey = rng.uniform(count, 1, 1, 1) < 0.5
    noise = rng.normal(*images.shape)
    return images + sigma * torch.where(grey, noise[:, :1], noise)


def _saved(images: Tensor, strength: float, rng: Rng) -> Tensor:
    """JPEG compression with a quality of 30 to 95 at strength 1."""
    lowest = 95 - 65 * strength
    qualities = (lowest + rng.uniform(len(images)) * (95 - lowest)).round().int().tolist()
    pixels = image_io.to_uint8(images)
    saved = [
        image_io.through_jpeg(p, quality) for p, quality in zip(pixels, qualities, strict=True)
    ]
    return image_io.to_tensor(np.stack(saved)).to(images.device)
