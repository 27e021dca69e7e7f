"""Receptive fields, computed from the operations that a forward pass consists of.

A window of k at dilation d over a map whose neighbours are j pixels apart in the image adds
(k - 1) d j to the receptive field, and a stride s multiplies j by s (Araujo et al. 2019). Where
paths join, the largest counts. Statistics of the whole map, as of norms, are not counted.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode

Pair = tuple[float, float]


@dataclass(frozen=True)
class Reception:
    """What an element of a feature map depends on."""

    field: Pair = (1.0, 1.0)
    """Height and width of the receptive field, in pixels of the image."""
    spacing: Pair = (1.0, 1.0)
    """Distance of neighbours in the map, in pixels of the image."""
    depth: int = 0
    """Convolutions on the longest path from the image."""

    @staticmethod
    def union(several: Sequence["Reception"]) -> "Reception":
        """The largest in each respect, where paths join."""
        fields, spacings = ([getattr(r, n) for r in several] for n in ("field", "spacing"))
        return Reception(
            _pair(lambda axis: max(f[axis] for f in fields)),
            _pair(lambda axis: max(s[axis] for s in spacings)),
            max(r.depth for r in several),
        )

    def through(self, taps: Pair, stride: Pair, convolutions: int = 0) -> "Reception":
        """After a window over `taps` neighbours, at steps of `stride` (below 1: upsampling)."""
        return Reception(
            _pair(lambda axis: self.field[axis] + (taps[axis] - 1) * self.spacing[axis]),
            _pair(lambda axis: self.spacing[axis] * stride[axis]),
            self.depth + convolutions,
        )


class _Tracker(TorchFunctionMode):
    """Computes the reception of each operation's result; `of` has them by tensor."""

    def __init__(self, image: Tensor) -> None:
        super().__init__()
        # The tensors are kept, so that their ids stay theirs.
        self.of: dict[int, tuple[Tensor, Reception]] = {id(image): (image, Reception())}

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        known = [self.of[id(x)][1] for x in _tensors((args, kwargs)) if id(x) in self.of]
        result = func(*args, **kwargs)
        if known:
            reception = Reception.union(known)
            window = WINDOWS.get(getattr(func, "__name__", ""))
            if window is not None:
                reception = window(reception, *args, **kwargs)
            for x in _tensors(result):
                self.of[id(x)] = (x, reception)
        return result


@contextmanager
def receptions(image: Tensor) -> Iterator[Callable[[Tensor], Reception]]:
    """Within the context, a function from what is computed from `image` to its reception."""
    with _Tracker(image) as tracker:
        yield lambda x: tracker.of[id(x)][1]


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _tensors(part)
    elif isinstance(value, dict):
        yield from _tensors(tuple(value.values()))


def _pair(of_axis: Callable[[int], float]) -> Pair:
    return of_axis(0), of_axis(1)


def _two(value: int | Sequence[int]) -> Pair:
    return (value, value) if isinstance(value, int) else (value[0], value[-1])


def _convolution(r: Reception, x: Tensor, weight: Tensor, bias: object = None, stride: Any = 1,
                 padding: object = 0, dilation: Any = 1, groups: int = 1) -> Reception:  # fmt: skip
    kernel, gaps = weight.shape[-2:], _two(dilation)
    taps = _pair(lambda axis: (kernel[axis] - 1) * gaps[axis] + 1)
    return r.through(taps, _two(stride), 1)


def _transposed(r: Reception, x: Tensor, weight: Tensor, bias: object = None, stride: Any = 1,
                *_: object, **__: object) -> Reception:  # fmt: skip
    steps = _two(stride)
    taps = _pair(lambda axis: math.ceil(weight.shape[axis - 2] / steps[axis]))
    return r.through(taps, _pair(lambda axis: 1 / steps[axis]), 1)


def _pooling(r: Reception, x: Tensor, kernel_size: Any, stride: Any = None,
             *_: object, **__: object) -> Reception:  # fmt: skip
    return r.through(_two(kernel_size), _two(stride or kernel_size))


def _interpolation(r: Reception, x: Tensor, size: Any = None, scale_factor: Any = None,
                   mode: str = "nearest", *_: object, **__: object) -> Reception:  # fmt: skip
    taps = {"bilinear": 2, "bicubic": 4}.get(mode, 1)
    if size is not None:
        sizes = _two(size)
        steps = _pair(lambda axis: x.shape[axis - 2] / sizes[axis])
    else:
        factors = (scale_factor,) * 2 if isinstance(scale_factor, int | float) else scale_factor
        steps = _pair(lambda axis: 1 / factors[axis])
    return r.through((taps, taps), steps)


WINDOWS: dict[str, Callable[..., Reception]] = {
    "conv2d": _convolution,
    "conv_transpose2d": _transposed,
    "max_pool2d": _pooling,
    "_max_pool2d": _pooling,
    "boolean_dispatch": _pooling,
    "avg_pool2d": _pooling,
    "interpolate": _interpolation,
    "pixel_shuffle": lambda r, x, factor: r.through((1, 1), (1 / factor, 1 / factor)),
    "pixel_unshuffle": lambda r, x, factor: r.through((factor, factor), (factor, factor)),
}
"""What an operation makes of the reception of its inputs, by the operation's name; all others act
on each element by itself."""
