"""Deep dream: gradient ascent on an image to maximise an objective of a network's activations.

Mordvintsev et al. 2015. The forward pass stops at the deepest requested layer, and the weights are
fixed. Octaves go from small to large: the change of one octave is upsampled and carried to the
next. Large images are processed in tiles with a random offset per step, which avoids seams.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from reverie.core import progress
from reverie.inference.dream.objectives import DreamObjective
from reverie.inference.options import AscentOptions
from reverie.inference.tiling import overlapping_windows
from reverie.nn.backbones.backbone import Backbone, ImageTooSmall

SMALLEST_SIDE = 24
"""Octaves with a smaller side, in pixels, are skipped; too small for the receptive fields."""


@dataclass(frozen=True)
class DreamStep:
    """State after step `step` of octave `octave` (both from 0): objective and image in [-1, 1]."""

    octave: int
    step: int
    value: float
    image: Float[Tensor, "1 c h w"]


def sizes(height: int, width: int, o: AscentOptions) -> list[tuple[int, int]]:
    """Octave sizes (height, width) from small to large, without those that are too small."""
    shares = [o.octave_scale ** (number - o.octaves + 1) for number in range(o.octaves)]
    every = [(round(height * share), round(width * share)) for share in shares]
    return [size for size in every[:-1] if min(size) >= SMALLEST_SIDE] + [every[-1]]


def dream_steps(
    backbone: Backbone,
    image: Float[Tensor, "1 c h w"],
    objective: DreamObjective,
    o: AscentOptions,
) -> Iterator[DreamStep]:
    """Steps of a deep dream; the image of the last one is the result.

    Args:
        backbone: pretrained network; its weights are fixed.
        image: [-1, 1].
        objective: function of the activations to be maximised.
        o: octaves, steps, step size, jitter, regularization and seed.

    Raises:
        UserError: if the image is too small for the layers, or an option is out of range.
    """
    generator = torch.Generator().manual_seed(o.seed)
    steps = sizes(image.shape[-2], image.shape[-1], o)
    shown = image
    for number, size in enumerate(steps):
        base = _resized(image, size)
        if number == 0:
            shown = base
        elif o.carry == "detail":
            before = _resized(image, (shown.shape[-2], shown.shape[-1]))
            shown = (base + _resized(shown - before, size)).clamp(-1, 1)
        else:
            shown = _resized(shown, size).clamp(-1, 1)
        for step in range(o.steps):
            try:
                value, gradient = ascent(backbone, shown, base, objective, o, generator)
            except ImageTooSmall as error:
                if number == len(steps) - 1:
                    raise
                progress.say(f"octave {number + 1} is skipped: {error}")
                break
            gradient = _smoothed(gradient, o.smoothing * (1 - step / o.steps))
            size_of_it = gradient.abs().mean() if o.normalise == "mean-absolute" else gradient.std()
            shown = (shown + o.step_size * gradient / size_of_it.clamp(min=1e-12)).clamp(-1, 1)
            yield DreamStep(number, step, value, shown)


def ascent(
    backbone: Backbone,
    image: Float[Tensor, "1 c h w"],
    base: Float[Tensor, "1 c h w"],
    objective: DreamObjective,
    o: AscentOptions,
    generator: torch.Generator,
) -> tuple[float, Float[Tensor, "1 c h w"]]:
    """Objective and its regularized gradient with respect to the image, with jitter, in tiles.

    Args:
        backbone: pretrained network.
        image: current image, [-1, 1].
        base: the original at the size of this octave, for the closeness penalty.
        objective: function of the activations to be maximised.
        o: jitter, tile size and regularization.
        generator: random generator of the jitter.
    """
    height, width = image.shape[-2:]
    tiled = max(height, width) > o.tile
    reach = (o.tile, o.tile) if tiled else (min(o.jitter, height - 1), min(o.jitter, width - 1))
    by = [
        int(torch.randint(-max_value, max_value + 1, (1,), generator=generator)) if max_value else 0
        for max_value in reach
    ]
    moved = image.roll(by, (2, 3))
    gradient, total, weights = torch.zeros_like(moved), 0.0, 0.0
    cover = torch.zeros_like(moved[:, :1])
    for top, bottom, left, right in overlapping_windows(height, width, o.tile):
        part = moved[..., top:bottom, left:right]
        value, slope = gradient_of(backbone, part, objective)
        feather = _feather(bottom - top, right - left, tiled).to(part.device)
        # Overlapping tiles are blended: the sum of the weights at each pixel is divided out below.
        gradient[..., top:bottom, left:right] += slope * feather
        cover[..., top:bottom, left:right] += feather
        area = (bottom - top) * (right - left)
        total, weights = total + value * area, weights + area
    gradient = (gradient / cover).roll([-b for b in by], (2, 3))
    if o.total_variation or o.closeness:
        gradient = gradient - gradient.abs().mean() * _restraint(image, base, o)
    return total / weights, gradient


def gradient_of(
    backbone: Backbone, image: Float[Tensor, "1 c h w"], objective: DreamObjective
) -> tuple[float, Float[Tensor, "1 c h w"]]:
    """Objective of one image, and its gradient times the image's area.

    Objectives are means over the image; multiplied by the area, gradients of tiles of different
    sizes have the same scale.
    """
    image = image.detach().requires_grad_()
    value = objective(backbone.activations(image, objective.layers))
    (slope,) = torch.autograd.grad(value, image)
    return value.item(), slope.to(image.dtype) * (image.shape[-1] * image.shape[-2])


def _feather(height: int, width: int, tiled: bool) -> Float[Tensor, "h w"]:
    """Blending weights of a tile: 1 in the middle, falling linearly to the edges, positive."""
    if not tiled:
        return torch.ones(height, width)

    def line(length: int) -> Tensor:
        ends = torch.arange(length).minimum(torch.arange(length).flip(0)) + 1
        return (ends / max(1, length // 4)).clamp(max=1)

    return torch.outer(line(height), line(width))


def _restraint(image: Tensor, base: Tensor, o: AscentOptions) -> Tensor:
    """Gradient of the penalties: total variation, and squared distance from the base image."""
    with torch.enable_grad():
        x = image.detach().requires_grad_()
        rows, columns = x.diff(dim=2), x.diff(dim=3)
        variation = (rows.square() + 1e-6).sqrt().sum() + (columns.square() + 1e-6).sqrt().sum()
        loss = o.total_variation * variation + o.closeness * (x - base).square().sum()
        return torch.autograd.grad(loss, x)[0]


def _smoothed(gradient: Float[Tensor, "1 c h w"], sigma: float) -> Float[Tensor, "1 c h w"]:
    if sigma < 0.1:
        return gradient
    reach = min(math.ceil(3 * sigma), min(gradient.shape[-2:]) - 1)
    line = torch.exp(-torch.arange(-reach, reach + 1.0).square() / (2 * sigma**2))
    line = (line / line.sum()).to(gradient)
    channels = gradient.shape[1]
    padded = F.pad(gradient, (reach,) * 4, mode="reflect")
    across = F.conv2d(padded, line.expand(channels, 1, 1, -1), groups=channels)
    return F.conv2d(across, line[:, None].expand(channels, 1, -1, 1), groups=channels)


def _resized(image: Tensor, size: tuple[int, int]) -> Tensor:
    if tuple(image.shape[-2:]) == size:
        return image
    return F.interpolate(image, size, mode="bicubic", antialias=True)
