"""The fastest form of each convolution of a training on a processor, by measurement.

The first time that a pass of a convolution (forward, data gradient, weight gradient) is needed for
one size of images, all forms that fit it (`nn/conv_forms.py`) are timed on the tensors at hand. The
fastest is used from then on, and is kept in the cache for later trainings on this machine. Forms
differ in rounding, so what a run has chosen is stored in its checkpoints, and a resumed run ends
in the same weights as one that was not interrupted.
"""

import contextlib
import functools
import hashlib
import inspect
import json
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from reverie.core.files import cache_home, parse_json, write_atomic
from reverie.nn import conv_forms, winograd
from reverie.nn.conv_forms import (
    FORMS,
    DataGradient,
    Form,
    Geometry,
    WeightGradient,
    usual,
    usual_gradients,
)
from reverie.runs.environment import machine

USUAL = "usual"
"""PyTorch's own convolution."""

LEAST_OPERATIONS, LEAST_WEIGHTS = 5e7, 1e6
"""Multiplications and additions of a pass, and weights, below which nothing is measured: about half
a millisecond."""

ENOUGH_OPERATIONS = 1e9
"""A measurement takes so many images of the batch that their operations are about so many."""

PASSES = ("forward", "data gradient", "weight gradient")

ROUNDS, SECONDS = 5, 0.1
"""Each form is timed so often, or fewer times if that takes longer or the result is clear."""

GAIN = 0.9
"""Share of the usual time that another form must stay below."""

CLEAR = 1.25
"""Timing ends once the fastest other form takes less or more than `GAIN` allows by this factor."""

Makers = Mapping[str, Callable[[slice], Tensor]]
"""Functions that compute the same from a part of a batch, by the names of their forms."""

ALL = slice(None)


class ConvolutionForms:
    """The chosen forms of a training: by measurement, from the cache, or from its checkpoint."""

    def __init__(self) -> None:
        self.chosen: dict[str, str] = {}
        """Forms by what they compute."""
        self._known: dict[str, str] | None = None
        self._measures = True

    def resume(self, chosen: Mapping[str, str] | None) -> None:
        """Go on with what a run has chosen; None: with the usual forms, it knew no others."""
        self.chosen = dict(chosen or {})
        self._measures = chosen is not None

    def compute(self, what: str, makers: Makers, enough: int) -> Tensor:
        """What all `makers` compute, by the chosen one; measured on `enough` images if `what` is
        new."""
        name = self.chosen.get(what)
        if name is None:
            if self._known is None:
                self._known = _read(cache_file())
            name = self._known.get(what)
            if name is None or name not in makers:
                name = fastest(makers, slice(enough))
            self.chosen[what] = name
        return makers[name if name in makers else USUAL](ALL)

    def keep(self) -> None:
        """Write what was chosen into the cache, beside what is there."""
        if not self.chosen or self.chosen.items() <= (self._known or {}).items():
            return
        self._known = _read(cache_file()) | self.chosen
        with contextlib.suppress(OSError):  # it is measured again by the next training
            cache_file().parent.mkdir(parents=True, exist_ok=True)
            write_atomic(cache_file(), json.dumps(self._known, indent=1) + "\n")

    def install(self, network: nn.Module) -> None:
        """Let the convolutions in `network` use these forms, in place; its weights are unchanged.

        Left alone are groups, dilations, kernels that are not square, other paddings than zeros,
        and subclasses.
        """
        for layer in network.modules():
            geometry = geometry_of(layer)
            if geometry is not None:
                assert isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)
                forms = functools.partial(self._convolve, layer, geometry, layer.forward)
                layer.forward = forms  # pyright: ignore[reportAttributeAccessIssue]

    def _convolve(
        self,
        layer: nn.Conv2d | nn.ConvTranspose2d,
        geometry: Geometry,
        own: Callable[..., Tensor],
        input: Tensor,
        output_size: list[int] | None = None,
    ) -> Tensor:
        """In place of a layer's `own` forward method."""
        if output_size is not None:
            return own(input, output_size)
        x, weight, bias = input, layer.weight, layer.bias
        low = torch.is_autocast_enabled("cpu")
        dtype = torch.get_autocast_dtype("cpu") if low else x.dtype
        few = operations(geometry, x.shape, weight) < LEAST_OPERATIONS
        few = few and weight.numel() < LEAST_WEIGHTS
        usual_alone = not self._measures or all(
            self.chosen.get(_named(one, geometry, x, weight, dtype)) == USUAL for one in PASSES
        )
        if few or usual_alone or x.dim() != 4 or x.device.type != "cpu":
            return own(x)
        if low:
            x, weight = x.to(dtype), weight.to(dtype)
            bias = None if bias is None else bias.to(dtype)
        return _Convolution.apply(x, weight, bias, geometry, self)


def geometry_of(layer: nn.Module) -> Geometry | None:
    """The geometry of a layer that has several forms, else None."""
    if type(layer) not in (nn.Conv2d, nn.ConvTranspose2d):
        return None
    assert isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)
    sizes = (layer.kernel_size, layer.stride, layer.padding, layer.output_padding)
    square = all(not isinstance(size, str) and size[0] == size[1] for size in sizes)
    plain = layer.groups == 1 and layer.dilation == (1, 1) and layer.padding_mode == "zeros"
    if not (square and plain) or layer.kernel_size == (1, 1):
        return None
    kernel, stride, padding, output_padding = (int(size[0]) for size in sizes)
    return Geometry(kernel, stride, padding, isinstance(layer, nn.ConvTranspose2d), output_padding)


def operations(geometry: Geometry, shape: Sequence[int], weight: Tensor) -> float:
    """Multiplications and additions for inputs of a shape that ends in height and width, but for
    padding."""
    return 2 * _positions(geometry, shape) * weight.numel()


def _positions(geometry: Geometry, shape: Sequence[int]) -> float:
    """Pixels of all images on the smaller side, but for padding."""
    positions = math.prod(shape[:-3]) * shape[-2] * shape[-1]
    return positions if geometry.transposed else positions / geometry.stride**2


def _memory_format(weight: Tensor) -> torch.memory_format:
    """Channels last if the weights are in it, else contiguous."""
    last = weight.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if last else torch.contiguous_format


class _Convolution(torch.autograd.Function):
    """A convolution whose three passes have forms of their own.

    Gradients that are differentiated again, as in gradient penalties, are PyTorch's.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        geometry: Geometry,
        forms: ConvolutionForms,
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.geometry, ctx.forms = geometry, forms

        def other(form: Callable[[Tensor, Tensor, Geometry], Tensor], part: slice) -> Tensor:
            y = form(x[part], weight, geometry)
            return y if bias is None else y.add_(bias[:, None, None])

        def own(part: slice) -> Tensor:
            return usual(x[part], weight, bias, geometry)

        others = {
            name: functools.partial(other, form.forward)
            for name, form in _fitting(geometry, x, weight).items()
            if form.forward is not None
        }
        return _compute(forms, "forward", {USUAL: own, **others}, geometry, x, weight)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (dy,), (x, weight), geometry = gradients, ctx.saved_tensors, ctx.geometry
        wants_x, wants_weight, wants_bias = ctx.needs_input_grad[:3]
        db = dy.sum((0, 2, 3)) if wants_bias else None
        if torch.is_grad_enabled():
            dx, dw = usual_gradients(dy, x, weight, geometry, data=wants_x, weight=wants_weight)
            return dx, dw, db, None, None
        dy = dy.contiguous(memory_format=_memory_format(weight))
        dx = _data_gradient(ctx.forms, dy, x, weight, geometry) if wants_x else None
        dw = _weight_gradient(ctx.forms, dy, x, weight, geometry) if wants_weight else None
        return dx, dw, db, None, None


def _data_gradient(
    forms: ConvolutionForms, dy: Tensor, x: Tensor, weight: Tensor, geometry: Geometry
) -> Tensor:
    height, width = x.shape[2:]

    def own(part: slice) -> Tensor:
        dx = usual_gradients(dy[part], x[part], weight, geometry, data=True, weight=False)[0]
        assert dx is not None
        return dx

    def other(form: DataGradient, part: slice) -> Tensor:
        return form(dy[part], weight, geometry, (height, width))

    others = {
        name: functools.partial(other, form.data_gradient)
        for name, form in _fitting(geometry, x, weight).items()
        if form.data_gradient is not None
    }
    return _compute(forms, "data gradient", {USUAL: own, **others}, geometry, x, weight)


def _weight_gradient(
    forms: ConvolutionForms, dy: Tensor, x: Tensor, weight: Tensor, geometry: Geometry
) -> Tensor:
    def own(part: slice) -> Tensor:
        dw = usual_gradients(dy[part], x[part], weight, geometry, data=False, weight=True)[1]
        assert dw is not None
        return dw

    def other(form: WeightGradient, part: slice) -> Tensor:
        return form(dy[part], x[part], geometry)

    others = {
        name: functools.partial(other, form.weight_gradient)
        for name, form in _fitting(geometry, x, weight).items()
        if form.weight_gradient is not None
    }
    return _compute(forms, "weight gradient", {USUAL: own, **others}, geometry, x, weight)


def _compute(
    forms: ConvolutionForms,
    what: str,
    makers: Makers,
    geometry: Geometry,
    x: Tensor,
    weight: Tensor,
) -> Tensor:
    """One of `PASSES` by its chosen form, which is measured on about `ENOUGH_OPERATIONS`."""
    an_image = operations(geometry, x.shape[1:], weight)
    enough = max(1, round(ENOUGH_OPERATIONS / an_image))
    return forms.compute(_named(what, geometry, x, weight), makers, enough)


def _fitting(geometry: Geometry, x: Tensor, weight: Tensor) -> dict[str, Form]:
    memory, positions = _memory_format(weight), round(_positions(geometry, x.shape))
    return {
        name: form
        for name, form in FORMS.items()
        if form.memory == memory and form.fits(geometry, min(weight.shape[:2]), positions)
    }


def _named(
    what: str, geometry: Geometry, x: Tensor, weight: Tensor, dtype: torch.dtype | None = None
) -> str:
    """A pass in words, as it is kept; with its batch size where the weights take the time."""
    g, sizes = geometry, "x".join(map(str, (*weight.shape, *x.shape[2:])))
    kind = "transposed" if g.transposed else "convolution"
    precision = str(dtype or x.dtype).removeprefix("torch.")
    named = f"{what} {kind} {sizes} stride {g.stride} padding {g.padding} {precision}"
    last = _memory_format(weight) == torch.channels_last
    return named if last else f"{named} contiguous, images {len(x)}"


def fastest(makers: Makers, part: slice) -> str:
    """The name of the fastest of several functions that compute the same.

    Each is called once and then timed in turns; it is the usual one unless another gains by
    `GAIN`. One thread is timed by its processor time, which other processes do not change; several
    by the clock, since a thread that waits for the others uses no processor time.
    """
    if len(makers) == 1:
        return USUAL
    now = time.thread_time if torch.get_num_threads() == 1 else time.perf_counter
    others = [name for name in makers if name != USUAL]
    took = dict.fromkeys(makers, math.inf)
    for make in makers.values():
        make(part)
    began = now()
    best, limit = others[0], math.inf
    for _ in range(ROUNDS):
        for name, make in makers.items():
            started = now()
            make(part)
            took[name] = min(took[name], now() - started)
        best, limit = min(others, key=lambda name: took[name]), GAIN * took[USUAL]
        clear = took[best] * CLEAR < limit or took[best] > limit * CLEAR
        if clear or now() - began > SECONDS:
            break
    return best if took[best] < limit else USUAL


def cache_file() -> Path:
    """Where the forms are kept that were the fastest on this machine with this PyTorch.

    Forms whose source has changed are measured again.
    """
    facts = [machine(), torch.__version__, torch.backends.cpu.get_cpu_capability()]
    facts += [os.environ.get("ONEDNN_MAX_CPU_ISA")]
    facts += [inspect.getsource(module) for module in (conv_forms, winograd)]
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
    return cache_home() / "convolutions" / f"{digest}.json"


def _read(file: Path) -> dict[str, str]:
    """What the cache knows; nothing if it is damaged, and then it is measured again."""
    with contextlib.suppress(OSError, ValueError):
        content = parse_json(file.read_text())
        if isinstance(content, dict):
            return {k: v for k, v in content.items() if isinstance(v, str)}
    return {}
