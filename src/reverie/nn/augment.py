"""Differentiable augmentation for GAN training on small datasets.

Applied to real and generated images alike, in every phase: the discriminator's input is always
augmented, and the generator's gradient passes through the augmentation.
Zhao et al. 2020, "Differentiable Augmentation for Data-Efficient GAN Training".
"""

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from reverie.core.rng import Rng

Augmentation = Literal["colour", "translation", "cutout"]


TRANSLATION = 0.125


CUTOUT = 0.5


def augment(
    images: Float[Tensor, "b c h w"], policy: Sequence[Augmentation], rng: Rng
) -> Float[Tensor, "b c h w"]:
    """Images with the augmentations of `policy`, in the paper's order.

    The order is colour, translation, cutout, whatever the order in `policy`. Every image of the
    batch gets its own random parameters.

    Args:
        images: [B, C, H, W] in [-1, 1].
        policy: names of augmentations.
        rng: source of the parameters.
    """
    for name, function in (("colour", colour), ("translation", translation), ("cutout", cutout)):
        if name in policy:
            images = function(images, rng)
    return images


def colour(images: Float[Tensor, "b c h w"], rng: Rng) -> Float[Tensor, "b c h w"]:
    """Brightness + U(-0.5, 0.5), saturation × U(0, 2), contrast × U(0.5, 1.5), per image."""
    brightness, saturation, contrast = (rng.uniform(len(images), 1, 1, 1) for _ in range(3))
    images = images + (brightness - 0.5)
    grey = images.mean(1, keepdim=True)
    images = grey + (images - grey) * (saturation * 2)
    middle = images.mean((1, 2, 3), keepdim=True)
    return middle + (images - middle) * (contrast + 0.5)


def translation(images: Float[Tensor, "b c h w"], rng: Rng) -> Float[Tensor, "b c h w"]:
    """Shift each image by up to an eighth of its size, with zero padding, as in the paper."""
    count, _, height, width = images.shape
    reach_y, reach_x = round(height * TRANSLATION), round(width * TRANSLATION)
    shift_y = rng.integers(2 * reach_y + 1, count)
    shift_x = rng.integers(2 * reach_x + 1, count)
    padded = F.pad(images, (reach_x, reach_x, reach_y, reach_y))
    rows = shift_y[:, None] + torch.arange(height, device=images.device)
    columns = shift_x[:, None] + torch.arange(width, device=images.device)
    image = torch.arange(count, device=images.device)[:, None, None]
    moved = padded.permute(0, 2, 3, 1)[image, rows[:, :, None], columns[:, None, :]]
    return moved.permute(0, 3, 1, 2)


def cutout(images: Float[Tensor, "b c h w"], rng: Rng) -> Float[Tensor, "b c h w"]:
    """Set a rectangle of half the height and half the width to 0; it may extend past the border."""
    count, _, height, width = images.shape
    tall, wide = round(height * CUTOUT), round(width * CUTOUT)
    top = rng.integers(height + 1 - tall % 2, count)[:, None] - tall // 2
    left = rng.integers(width + 1 - wide % 2, count)[:, None] - wide // 2
    y = torch.arange(height, device=images.device)
    x = torch.arange(width, device=images.device)
    in_rows = (y >= top) & (y < top + tall)
    in_columns = (x >= left) & (x < left + wide)
    hole = in_rows[:, None, :, None] & in_columns[:, None, None, :]
    return images.masked_fill(hole, 0.0)
