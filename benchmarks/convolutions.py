"""How fast convolutions are: each layer and pass in each memory format, precision and form.

    python benchmarks/convolutions.py [LAYER ...] [--rounds 5] [--precisions fp32 bf16] [--out FILE]
    ONEDNN_MAX_CPU_ISA=AVX2 MKL_ENABLE_INSTRUCTIONS=AVX2 python benchmarks/convolutions.py ...

Billions of operations (GFLOP) per second of one thread's processor time, medians of rounds in which
all ways of a pass take turns: PyTorch's own in contiguous and in channels-last memory, then the
forms of `nn/conv_forms.py`. Operations are those of the usual sum, whatever a form does in fact, so
that Winograd tiles can exceed the peak. The peak is the fastest of three matrix products and of
PyTorch's convolutions here. Layers are picked by a part of their name.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from reverie.core.memory import freed_memory_kept
from reverie.nn.conv_forms import FORMS, Form, Geometry, usual, usual_gradients
from reverie.runs.environment import commit, machine, versions

Way = Callable[[], object]

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}

FORMATS = {"contiguous": torch.contiguous_format, "channels last": torch.channels_last}


@dataclass(frozen=True)
class Layer:
    """A convolution of a training, for a batch of images of one size."""

    images: int
    inputs: int
    outputs: int
    side: int
    geometry: Geometry


LAYERS = {
    "residual 3x3 256": Layer(2, 256, 256, 34, Geometry(3)),
    "first 7x7 3-64": Layer(2, 3, 64, 134, Geometry(7)),
    "last 7x7 64-3": Layer(2, 64, 3, 134, Geometry(7)),
    "down 3x3/2 64-128": Layer(2, 64, 128, 128, Geometry(3, 2, 1)),
    "down 3x3/2 128-256": Layer(2, 128, 256, 64, Geometry(3, 2, 1)),
    "up 3x3/2 256-128": Layer(2, 256, 128, 32, Geometry(3, 2, 1, True, 1)),
    "up 3x3/2 128-64": Layer(2, 128, 64, 64, Geometry(3, 2, 1, True, 1)),
    "patch 4x4/2 3-64": Layer(2, 3, 64, 128, Geometry(4, 2, 1)),
    "patch 4x4/2 64-128": Layer(2, 64, 128, 64, Geometry(4, 2, 1)),
    "patch 4x4/2 128-256": Layer(2, 128, 256, 32, Geometry(4, 2, 1)),
    "patch 4x4 256-512": Layer(2, 256, 512, 16, Geometry(4, 1, 1)),
    "patch 4x4 512-1": Layer(2, 512, 1, 15, Geometry(4, 1, 1)),
    "u-net down 128-256": Layer(1, 128, 256, 64, Geometry(4, 2, 1)),
    "u-net down 512-512": Layer(1, 512, 512, 16, Geometry(4, 2, 1)),
    "u-net inner 512-512": Layer(1, 512, 512, 4, Geometry(4, 2, 1)),
    "u-net up 1024-512": Layer(1, 1024, 512, 8, Geometry(4, 2, 1, True)),
    "u-net inner up 1024-512": Layer(1, 1024, 512, 2, Geometry(4, 2, 1, True)),
    "u-net up 256-64": Layer(1, 256, 64, 64, Geometry(4, 2, 1, True)),
    "srresnet 3x3 64": Layer(16, 64, 64, 24, Geometry(3, 1, 1)),
    "srresnet 3x3 64-256": Layer(16, 64, 256, 24, Geometry(3, 1, 1)),
    "srresnet last 9x9 64-3": Layer(4, 64, 3, 96, Geometry(9, 1, 4)),
}


def operations(layer: Layer) -> float:
    """Multiplications and additions of one pass, but for its padding."""
    g = layer.geometry
    side = layer.side if g.transposed else (layer.side + 2 * g.padding - g.kernel) // g.stride + 1
    return 2.0 * layer.images * side**2 * layer.inputs * layer.outputs * g.kernel**2


def ways(layer: Layer, precision: torch.dtype) -> dict[str, dict[str, Way]]:
    """For each pass the ways to compute it, by name."""
    random, g = torch.Generator().manual_seed(0), layer.geometry
    channels = layer.inputs, layer.outputs
    x = torch.randn(layer.images, layer.inputs, layer.side, layer.side, generator=random)
    kernels = channels if g.transposed else channels[::-1]
    w = 0.05 * torch.randn(*kernels, g.kernel, g.kernel, generator=random)
    dy = torch.randn(usual(x, w, None, g).shape, generator=random)
    passes: dict[str, dict[str, Way]] = {"forward": {}, "data gradient": {}, "weight gradient": {}}
    for name, memory in FORMATS.items():
        one, kernel, gradient = (
            t.to(precision).contiguous(memory_format=memory) for t in (x, w, dy)
        )
        add_usual(passes, name, one, kernel, gradient, g)
    positions = layer.images * (x if g.transposed else dy)[0, 0].numel()
    for name, form in FORMS.items():
        if not form.fits(g, min(channels), positions):
            continue
        add_form(passes, name, form, tuple(t.to(precision) for t in (x, w, dy)), g)
    return passes


def add_form(
    passes: dict[str, dict[str, Way]],
    name: str,
    form: Form,
    tensors: tuple[Tensor, ...],
    g: Geometry,
) -> None:
    """Add a form of `nn/conv_forms.py` to the passes that it has, given x, w and dy."""
    one, kernel, gradient = (t.contiguous(memory_format=form.memory) for t in tensors)
    size = one.shape[2], one.shape[3]
    forward, data, weight = form.forward, form.data_gradient, form.weight_gradient
    if forward:
        passes["forward"][name] = lambda: forward(one, kernel, g)
    if data:
        passes["data gradient"][name] = lambda: data(gradient, kernel, g, size)
    if weight:
        passes["weight gradient"][name] = lambda: weight(gradient, one, g)


def add_usual(
    passes: dict[str, dict[str, Way]], name: str, x: Tensor, w: Tensor, dy: Tensor, g: Geometry
) -> None:
    """Add PyTorch's own way in one memory format to each pass."""
    passes["forward"][name] = lambda: usual(x, w, None, g)
    passes["data gradient"][name] = lambda: usual_gradients(dy, x, w, g, data=True, weight=False)
    passes["weight gradient"][name] = lambda: usual_gradients(dy, x, w, g, data=False, weight=True)


def seconds(alternatives: dict[str, Way], rounds: int) -> dict[str, float]:
    """Median seconds of processor time of each, in turns."""
    took: dict[str, list[float]] = {name: [] for name in alternatives}
    for way in alternatives.values():
        way()
    for _ in range(rounds):
        for name, way in alternatives.items():
            started = time.process_time()
            way()
            took[name].append(time.process_time() - started)
    return {name: statistics.median(values) for name, values in took.items()}


def product_peak(precision: torch.dtype, rounds: int) -> float:
    """GFLOP per second of the fastest of three matrix products."""
    found = []
    for side in (256, 512, 1024):
        matrix = torch.randn(side, side).to(precision)
        took = seconds({"product": lambda m=matrix: m @ m}, 3 * rounds)["product"]
        found.append(2 * side**3 / took / 1e9)
    return max(found)


def measure(name: str, precision: str, rounds: int) -> list[dict[str, Any]]:
    layer, rows = LAYERS[name], []
    for pass_name, alternatives in ways(layer, PRECISIONS[precision]).items():
        took = seconds(alternatives, rounds)
        speeds = {way: round(operations(layer) / s / 1e9, 1) for way, s in took.items()}
        rows.append(
            {"layer": name, "precision": precision, "pass": pass_name, "gflops_per_second": speeds}
        )
        print(json.dumps(rows[-1]), flush=True)
    return rows


def summary(rows: list[dict[str, Any]], precision: str, product: float) -> dict[str, Any]:
    """The peak, and for each format and for the best form of each pass the share of it."""
    own = [row for row in rows if row["precision"] == precision]
    usual_speeds = [row["gflops_per_second"][way] for row in own for way in FORMATS]
    peak, shares = max(product, *usual_speeds), {}
    for row in own:
        speeds = row["gflops_per_second"]
        shares[f"{row['layer']}, {row['pass']}"] = {
            "channels last": round(speeds["channels last"] / peak, 2),
            "best": round(max(speeds.values()) / peak, 2),
            "by": max(speeds, key=lambda way, s=speeds: s[way]),
        }
    return {"precision": precision, "peak": round(peak, 1), "share_of_peak": shares}


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("layers", nargs="*", default=list(LAYERS), metavar="LAYER")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--precisions", nargs="*", choices=PRECISIONS, default=list(PRECISIONS))
    parser.add_argument("--out", type=Path, default=None)
    arguments = parser.parse_args()
    chosen = [name for name in LAYERS if any(word in name for word in arguments.layers)]
    if not chosen:
        parser.error(f"there is no such layer; there are: {', '.join(LAYERS)}")
    torch.set_num_threads(1)
    rows, summaries = [], []
    with freed_memory_kept():
        for precision in arguments.precisions:
            product = product_peak(PRECISIONS[precision], arguments.rounds)
            for name in chosen:
                rows += measure(name, precision, arguments.rounds)
            summaries.append(summary(rows, precision, product))
            print(json.dumps(summaries[-1]), flush=True)
    result = {"machine": machine(), "commit": commit(), "versions": versions()}
    result |= {"layers": rows, "summaries": summaries}
    if arguments.out:
        arguments.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
