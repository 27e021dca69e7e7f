"""Deep dreams: gradient ascent on a picture, towards what a network notices in it.

Mordvintsev et al. 2015. The network runs no further than the deepest layer that was asked for, and
its weights never change. Octaves go from small to large: what was found at one size is carried to
the next. Large pictures are worked on in tiles whose grid moves at random, so that no seam stays.
"""

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from reverie import progress
from reverie.backbones import Backbone, TooSmall
from reverie.dream_options import DreamOptions
from reverie.errors import UserError

Score = Callable[[Tensor], Tensor]
"""A layer's activation [1, C, H, W] to a number that should rise."""

LOOK = 96
SMALLEST_SIDE = 24
"""Octaves below this are left out: no network sees anything in them."""


@dataclass(frozen=True)
class Term:
    """One layer, what should rise there, and how much it counts."""

    layer: str
    score: Score
    weight: float = 1.0


@dataclass(frozen=True)
class Objective:
    """What a dream goes towards: a sum of terms. Objectives add, and scale by numbers."""

    terms: tuple[Term, ...]

    def __add__(self, other: "Objective") -> "Objective":
        return Objective(self.terms + other.terms)

    def __mul__(self, factor: float) -> "Objective":
        return Objective(tuple(replace(t, weight=t.weight * factor) for t in self.terms))

    __rmul__ = __mul__

    @property
    def layers(self) -> list[str]:
        """The layers it looks at."""
        return list(dict.fromkeys(term.layer for term in self.terms))

    def __call__(self, activations: dict[str, Tensor]) -> Tensor:
        """Its value, for the activations of its layers."""
        exact = {
            name: a if a.dtype == torch.float64 else a.float() for name, a in activations.items()
        }
        return torch.stack([t.weight * t.score(exact[t.layer]) for t in self.terms]).sum()


def mean(layer: str) -> Objective:
    """The layer's mean activation, as in TensorFlow's tutorial."""
    return Objective((Term(layer, lambda a: a.mean()),))


def l2(layer: str) -> Objective:
    """Half the mean square of the activations, as in the first release: what is there, more of it.

    Its gradient is the activation itself.
    """
    return Objective((Term(layer, lambda a: 0.5 * a.square().mean()),))


def channel(layer: str, number: int) -> Objective:
    """One channel's mean.

    Raises:
        UserError: when it is used, if the layer has no such channel.
    """

    def score(activation: Tensor) -> Tensor:
        if not 0 <= number < activation.shape[1]:
            raise UserError(
                f"{layer} has channels 0 to {activation.shape[1] - 1}, so there is no {number}."
            )
        return activation[:, number].mean()

    return Objective((Term(layer, score),))


def unit(layer: str, number: int, y: float = 0.5, x: float = 0.5) -> Objective:
    """One channel at one place, from 0 to 1 down and across."""

    def score(activation: Tensor) -> Tensor:
        height, width = activation.shape[-2:]
        row, column = min(int(y * height), height - 1), min(int(x * width), width - 1)
        return activation[:, number, row, column].mean()

    return Objective((Term(layer, score),))


def direction(layer: str, vector: Float[Tensor, " c"]) -> Objective:
    """How far every place goes along a direction in the layer's channels."""
    unit_vector = vector / vector.norm()

    def score(activation: Tensor) -> Tensor:
        return (activation * unit_vector[:, None, None].to(activation.device)).sum(1).mean()

    return Objective((Term(layer, score),))


def guided(layer: str, guide: Float[Tensor, "1 c h w"]) -> Objective:
    """Towards another picture: every place along the guide's feature that fits it best.

    Mordvintsev et al. 2015: y*, the guide's column with the largest aᵀy.
    """
    guide = guide.flatten(2)[0]  # [C, N]

    def score(activation: Tensor) -> Tensor:
        here, columns = activation.flatten(2)[0], guide.to(activation)  # [C, P], [C, N]
        with torch.no_grad():
            best = columns[:, (here.T @ columns).argmax(1)]
        return (here * best).sum(0).mean()

    return Objective((Term(layer, score),))


@dataclass(frozen=True)
class Moment:
    """How far a dream is: after `step` of octave `octave` (both from 0), the picture so far."""

    octave: int
    step: int
    value: float
    picture: Float[Tensor, "1 c h w"]


def quick_backbone(backbone: Backbone, low: bool, keep: Sequence[str] = ()) -> Backbone:
    """The same network with norms folded into convolutions, channels last and, if `low`, bfloat16.

    Convolutions whose names are in `keep` stay as they are: someone looks at what they give.
    """
    network = copy.deepcopy(backbone.network).eval().requires_grad_(False)
    for conv, norm in _convolutions_before_norms(replace(backbone, network=network)):
        if conv not in keep:
            _put(network, conv, fuse_conv_bn_eval(
                cast(nn.Conv2d, network.get_submodule(conv)),
                cast(nn.BatchNorm2d, network.get_submodule(norm)),
            ))  # fmt: skip
            _put(network, norm, nn.Identity())
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if not low:
        return replace(backbone, network=network)
    return replace(
        backbone,
        network=network.to(torch.bfloat16),
        prepare=lambda x: backbone.prepare(x).to(torch.bfloat16),
    )


def _convolutions_before_norms(backbone: Backbone) -> list[tuple[str, str]]:
    """Names of convolutions and of the batch norms that take what they give, seen at work."""
    gave: list[tuple[Tensor, str]] = []
    pairs = []

    def after(name: str):
        return lambda module, inputs, output: gave.append((output, name))

    def before(name: str):
        def look(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            pairs.extend((conv, name) for output, conv in gave if output is inputs[0])

        return look

    hooks = []
    for name, layer in backbone.network.named_modules():
        if isinstance(layer, nn.Conv2d):
            hooks.append(layer.register_forward_hook(after(name)))
        elif isinstance(layer, nn.BatchNorm2d):
            hooks.append(layer.register_forward_pre_hook(before(name)))
    try:
        with torch.inference_mode(), suppress(RuntimeError):  # one that takes one size alone
            weight = next(backbone.network.parameters())
            look = torch.zeros(1, 3, LOOK, LOOK, device=weight.device)
            backbone.network(backbone.prepare(look).to(weight.dtype))
    finally:
        for hook in hooks:
            hook.remove()
    return pairs


def _put(network: nn.Module, name: str, layer: nn.Module) -> None:
    parent, _, own = name.rpartition(".")
    setattr(network.get_submodule(parent), own, layer)


def sizes(height: int, width: int, o: DreamOptions) -> list[tuple[int, int]]:
    """The sizes of the octaves, from small to large, without those that are too small."""
    shares = [o.octave_scale ** (number - o.octaves + 1) for number in range(o.octaves)]
    every = [(round(height * share), round(width * share)) for share in shares]
    return [size for size in every[:-1] if min(size) >= SMALLEST_SIDE] + [every[-1]]


def dream_of(
    backbone: Backbone,
    picture: Float[Tensor, "1 c h w"],
    objective: Objective,
    o: DreamOptions,
) -> Iterator[Moment]:
    """Dream; gives every step, the last of which is the dream.

    Args:
        backbone: the network; its weights do not change.
        picture: [-1, 1].
        objective: what should rise.
        o: how it goes.

    Raises:
        UserError: if the picture is too small for the layers.
    """
    o.check()
    generator = torch.Generator().manual_seed(o.seed)
    steps = sizes(picture.shape[-2], picture.shape[-1], o)
    shown = picture
    for number, size in enumerate(steps):
        base = _resized(picture, size)
        if number == 0:
            shown = base
        elif o.carry == "detail":
            before = _resized(picture, (shown.shape[-2], shown.shape[-1]))
            shown = (base + _resized(shown - before, size)).clamp(-1, 1)
        else:
            shown = _resized(shown, size).clamp(-1, 1)
        for step in range(o.steps):
            try:
                value, gradient = ascent(backbone, shown, base, objective, o, generator)
            except TooSmall as error:
                if number == len(steps) - 1:
                    raise
                progress.say(f"octave {number + 1} is left out: {error}")
                break
            gradient = _smoothed(gradient, o.smoothing * (1 - step / o.steps))
            size_of_it = gradient.abs().mean() if o.normalise == "mean-absolute" else gradient.std()
            shown = (shown + o.step_size * gradient / size_of_it.clamp(min=1e-12)).clamp(-1, 1)
            yield Moment(number, step, value, shown)


def ascent(
    backbone: Backbone,
    picture: Float[Tensor, "1 c h w"],
    base: Float[Tensor, "1 c h w"],
    objective: Objective,
    o: DreamOptions,
    generator: torch.Generator,
) -> tuple[float, Float[Tensor, "1 c h w"]]:
    """The objective and its gradient with respect to the picture, moved at random and in tiles."""
    height, width = picture.shape[-2:]
    tiled = max(height, width) > o.tile
    reach = (o.tile, o.tile) if tiled else (min(o.jitter, height - 1), min(o.jitter, width - 1))
    by = [
        int(torch.randint(-most, most + 1, (1,), generator=generator)) if most else 0
        for most in reach
    ]
    moved = picture.roll(by, (2, 3))
    gradient, total, weights = torch.zeros_like(moved), 0.0, 0.0
    cover = torch.zeros_like(moved[:, :1])
    for top, bottom, left, right in _windows(height, width, o.tile):
        part = moved[..., top:bottom, left:right]
        value, slope = gradient_of(backbone, part, objective)
        feather = _feather(bottom - top, right - left, tiled).to(part.device)
        # Feathered where tiles overlap: the weights of all tiles at a place are divided out below.
        gradient[..., top:bottom, left:right] += slope * feather
        cover[..., top:bottom, left:right] += feather
        area = (bottom - top) * (right - left)
        total, weights = total + value * area, weights + area
    gradient = (gradient / cover).roll([-b for b in by], (2, 3))
    if o.total_variation or o.closeness:
        gradient = gradient - gradient.abs().mean() * _restraint(picture, base, o)
    return total / weights, gradient


def gradient_of(
    backbone: Backbone, picture: Float[Tensor, "1 c h w"], objective: Objective
) -> tuple[float, Float[Tensor, "1 c h w"]]:
    """The objective of one picture, and its gradient times the picture's area.

    Objectives are means over a picture; times the area, tiles of different size count alike.
    """
    picture = picture.detach().requires_grad_()
    value = objective(backbone.activations(picture, objective.layers))
    (slope,) = torch.autograd.grad(value, picture)
    return value.item(), slope.to(picture.dtype) * (picture.shape[-1] * picture.shape[-2])


def _windows(height: int, width: int, side: int) -> list[tuple[int, int, int, int]]:
    """Windows of at most `side` that cover everything and overlap by a quarter."""

    def spans(length: int) -> list[tuple[int, int]]:
        if length <= side:
            return [(0, length)]
        count = math.ceil((length - side) / (0.75 * side)) + 1
        starts = [round(n * (length - side) / (count - 1)) for n in range(count)]
        return [(start, start + side) for start in starts]

    return [(*rows, *columns) for rows in spans(height) for columns in spans(width)]


def _feather(height: int, width: int, tiled: bool) -> Float[Tensor, "h w"]:
    """Full in the middle, falling towards the edges of a tile, never 0."""
    if not tiled:
        return torch.ones(height, width)

    def line(length: int) -> Tensor:
        ends = torch.arange(length).minimum(torch.arange(length).flip(0)) + 1
        return (ends / max(1, length // 4)).clamp(max=1)

    return torch.outer(line(height), line(width))


def _restraint(picture: Tensor, base: Tensor, o: DreamOptions) -> Tensor:
    """The gradient of total variation and of the squared distance from the base, per pixel."""
    with torch.enable_grad():
        x = picture.detach().requires_grad_()
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


def _resized(picture: Tensor, size: tuple[int, int]) -> Tensor:
    if tuple(picture.shape[-2:]) == size:
        return picture
    return F.interpolate(picture, size, mode="bicubic", antialias=True)
