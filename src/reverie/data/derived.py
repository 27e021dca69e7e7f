"""Inputs that are derived from images, so that any folder of images has pairs.

Colourization, drawings to photographs, sharpening: the image is the target, and what is derived
from it the input. At inference the input may be somebody's own drawing or gray photograph.
"""

from collections.abc import Callable, Mapping

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from reverie.core.image_io import convert_channels
from reverie.core.options import PairBy

SCALE, BLUR = 4, 2.0

LINE_WIDTH, LINE_RATIO, DARKEST_WHITE, LINE_SHARPNESS = 0.8, 1.6, -0.01, 60.0


def derive(images: Float[Tensor, "n c h w"], how: PairBy) -> Float[Tensor, "n c h w"]:
    """The inputs that belong to images as targets, of their size and channels, in [-1, 1].

    Args:
        images: in [-1, 1].
        how: `grey` keeps the luma; `edges` draws dark lines on white, see `line_drawing`;
            `lowres` is downscaled by 4 and enlarged again; `blur` is blurred with σ = 2 pixels.
    """
    return DERIVATIONS[how](images)


def gaussian_blur(images: Float[Tensor, "n c h w"], sigma: float) -> Float[Tensor, "n c h w"]:
    """Images blurred by a Gaussian of standard deviation `sigma` pixels, edges replicated."""
    radius = int(3 * sigma + 0.5)
    line = torch.arange(-radius, radius + 1, dtype=images.dtype)
    kernel = torch.exp(-0.5 * (line / sigma).square())
    kernel = kernel / kernel.sum()
    flat = F.pad(images.flatten(0, 1)[:, None], (radius,) * 4, mode="replicate")
    flat = F.conv2d(F.conv2d(flat, kernel[None, None, None]), kernel[None, None, :, None])
    return flat.reshape(images.shape)


def line_drawing(images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
    """Dark lines on white where the luma is below that of its surroundings.

    The extended difference of Gaussians of Winnemöller et al. 2012, equations 7 and 8, in which the
    sharpened luma is compared with that of a wide Gaussian, so that flat areas are white at any
    brightness.
    """
    light = (convert_channels(images, 1) + 1) / 2
    narrow = gaussian_blur(light, LINE_WIDTH)
    wide = gaussian_blur(light, LINE_RATIO * LINE_WIDTH)
    excess = (narrow - wide - DARKEST_WHITE).clamp(max=0)
    return (1 + 2 * torch.tanh(LINE_SHARPNESS * excess)).expand_as(images)


def reduced(images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
    """Images downscaled by 4, antialiased, and enlarged again."""
    height, width = images.shape[-2:]
    size = max(1, height // SCALE), max(1, width // SCALE)
    small = F.interpolate(images, size, mode="bicubic", antialias=True)
    return F.interpolate(small, (height, width), mode="bicubic").clamp(-1, 1)


DERIVATIONS: Mapping[PairBy, Callable[[Tensor], Tensor]] = {
    "grey": lambda images: convert_channels(images, 1).expand_as(images),
    "edges": line_drawing,
    "lowres": reduced,
    "blur": lambda images: gaussian_blur(images, BLUR),
}
