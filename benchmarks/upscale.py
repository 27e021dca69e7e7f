"""Speed of upscaling: ours beside the same network in plain eager PyTorch.

    python benchmarks/upscale.py [--rounds 5] [--side 256] [NETWORK ...]

All take turns in one run with the same weights and image: plain and channels last in float32, ours
in the machine's own precision and in float32, and ONNX Runtime if it and onnx are installed.
Medians, in megapixels of output per second, and of the ratios to channels last in the same round,
by the clock and by processor time. Peak memory is that of a process of its own.
"""

import argparse
import importlib.util
import io
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from reverie.core.precision import bf16_is_native
from reverie.inference.tiled_upscale import TiledUpscaler
from reverie.methods.superres.families import build_upscaler
from reverie.methods.superres.networks import Upscaler, UpscalerConfig
from reverie.runs.environment import machine

NETWORKS: dict[str, tuple[str, int, int]] = {
    "srresnet": ("srresnet", 64, 16),
    "compact": ("compact", 64, 16),
    "photos-x4": ("compact", 48, 12),
    "rrdb": ("rrdb", 64, 23),
}
"""Family, width and blocks by name."""
SCALE = 4


def random_network(name: str) -> Upscaler:
    """A network of `NETWORKS` with initial weights, in eval mode."""
    family, width, blocks = NETWORKS[name]
    torch.manual_seed(0)
    config = UpscalerConfig(channels=3, scale=SCALE, width=width, blocks=blocks)
    return build_upscaler(family, config).eval().requires_grad_(False)


def plain(network: Upscaler) -> Callable[[Tensor], Tensor]:
    """The plain form: eager, float32, contiguous memory format."""

    def run(image: Tensor) -> Tensor:
        with torch.inference_mode():
            return network(image)

    return run


def channels_last(network: Upscaler) -> Callable[[Tensor], Tensor]:
    """The plain form in channels last."""
    return plain(network.to(memory_format=torch.channels_last))  # type: ignore[call-overload]


def ours(network: Upscaler) -> Callable[[Tensor], Tensor]:
    """Tiles, fused norms, channels last, bfloat16 where it is native."""
    low = bf16_is_native("cuda" if torch.cuda.is_available() else "cpu")
    return ours_in(network, torch.bfloat16 if low else torch.float32)


def ours_in(network: Upscaler, precision: torch.dtype) -> Callable[[Tensor], Tensor]:
    """The same in a precision."""
    tiled_upscaler = TiledUpscaler(network, precision)

    def run(image: Tensor) -> Tensor:
        height, width = image.shape[-2:]
        made = torch.empty(1, 3, height * SCALE, width * SCALE)
        for part in tiled_upscaler.parts(height, width, lambda tile: tile.of(image)):
            t = part.tile
            rows = slice(t.core_top * SCALE, t.core_bottom * SCALE)
            made[..., rows, t.core_left * SCALE : t.core_right * SCALE] = part.image
        return made

    return run


def with_onnx(network: Upscaler) -> Callable[[Tensor], Tensor] | None:
    """The network exported to ONNX Runtime; None if that is not installed."""
    if not all(map(importlib.util.find_spec, ("onnx", "onnxruntime"))):
        return None
    import onnxruntime  # pyright: ignore[reportMissingImports]

    file = io.BytesIO()
    shapes = {2: "height", 3: "width"}
    torch.onnx.export(
        network,
        (torch.zeros(1, 3, 64, 64),),
        file,  # pyright: ignore[reportArgumentType]
        dynamo=False,
        dynamic_axes={"x": shapes, "y": shapes},
        input_names=["x"],
        output_names=["y"],
    )
    session = onnxruntime.InferenceSession(file.getvalue())
    return lambda image: torch.from_numpy(session.run(None, {"x": image.numpy()})[0])


VARIANTS = {
    "plain": plain,
    "channels_last": channels_last,
    "ours": ours,
    "ours_float32": lambda network: ours_in(network, torch.float32),
    "onnxruntime": with_onnx,
}


def speeds(took: dict[str, list[float]]) -> dict[str, float]:
    """Median over the rounds of the time of channels last over that of each."""
    base = took["channels_last"]
    return {
        name: round(statistics.median(b / own for b, own in zip(base, each, strict=True)), 2)
        for name, each in took.items()
    }


def peak_memory(name: str, variant: str, side: int) -> int:
    """Megabytes of a new process that upscales one image."""
    done = subprocess.run(
        [sys.executable, __file__, name, "--only", variant, "--side", str(side)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return int(done.stdout.split()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("networks", nargs="*", default=["srresnet", "compact", "photos-x4"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument(
        "--only", choices=VARIANTS, help="run one variant once; print its peak memory in MB"
    )
    arguments = parser.parse_args()
    image = torch.rand(1, 3, arguments.side, arguments.side) * 2 - 1
    if arguments.only:
        run = VARIANTS[arguments.only](random_network(arguments.networks[0]))
        assert run is not None
        run(image)
        # ru_maxrss would be at least that of the process that started this one.
        status = Path("/proc/self/status").read_text().splitlines()
        print(int(next(line for line in status if line.startswith("VmHWM")).split()[1]) // 1024)
        return
    for name in arguments.networks:
        runs = {variant: build(random_network(name)) for variant, build in VARIANTS.items()}
        seconds: dict[str, list[float]] = {variant: [] for variant, run in runs.items() if run}
        processor: dict[str, list[float]] = {variant: [] for variant in seconds}
        for number in range(arguments.rounds + 1):
            for variant in seconds:
                started, used = time.perf_counter(), time.process_time()
                made = runs[variant](image)  # type: ignore[misc]
                if number:  # the first round warms up
                    seconds[variant].append(time.perf_counter() - started)
                    processor[variant].append(time.process_time() - used)
                assert made.shape[-1] == SCALE * arguments.side
        megapixels = (SCALE * arguments.side) ** 2 / 1e6
        medians = {variant: statistics.median(values) for variant, values in seconds.items()}
        row = {
            "network": name,
            "megapixels_per_second": {w: round(megapixels / s, 2) for w, s in medians.items()},
            "times_as_fast_as_plain": round(medians["plain"] / medians["ours"], 2),
            "times_as_fast_as_channels_last": speeds(seconds),
            "the_same_in_processor_time": speeds(processor),
            "peak_memory_MB": {w: peak_memory(name, w, arguments.side) for w in medians},
            "machine": machine(),
        }
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
