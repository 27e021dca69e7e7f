"""How fast pictures are enlarged: ours beside the same network in plain eager float32.

    python benchmarks/upscale.py [--rounds 5] [--side 256] [NETWORK ...]

Both take turns in one run on the same weights and picture; medians, in megapixels of output a
second. Peak memory is that of a process which does nothing else. ONNX Runtime joins in where it and
onnx are installed.
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
from reverie.methods.superres.networks import Family, Upscaler, build_upscaler
from reverie.runs.environment import machine

NETWORKS: dict[str, tuple[Family, int, int]] = {
    "srresnet": ("srresnet", 64, 16),
    "compact": ("compact", 64, 16),
    "photos-x4": ("compact", 48, 12),
    "rrdb": ("rrdb", 64, 23),
}
SCALE = 4


def network_from_state_dict(name: str) -> Upscaler:
    family, width, blocks = NETWORKS[name]
    torch.manual_seed(0)
    return build_upscaler(family, 3, SCALE, width, blocks).eval().requires_grad_(False)


def plain(network: Upscaler) -> Callable[[Tensor], Tensor]:
    """As one would write it: eager, float32, memory in the usual order."""

    def run(picture: Tensor) -> Tensor:
        with torch.inference_mode():
            return network(picture)

    return run


def ours(network: Upscaler) -> Callable[[Tensor], Tensor]:
    """Tiles, norms folded, channels last, bfloat16 where it is native."""
    low = bf16_is_native("cuda" if torch.cuda.is_available() else "cpu")
    tiled_upscaler = TiledUpscaler(network, torch.bfloat16 if low else torch.float32)

    def run(picture: Tensor) -> Tensor:
        height, width = picture.shape[-2:]
        made = torch.empty(1, 3, height * SCALE, width * SCALE)
        for part in tiled_upscaler.parts(height, width, lambda tile: tile.of(picture)):
            t = part.tile
            rows = slice(t.core_top * SCALE, t.core_bottom * SCALE)
            made[..., rows, t.core_left * SCALE : t.core_right * SCALE] = part.image
        return made

    return run


def with_onnx(network: Upscaler) -> Callable[[Tensor], Tensor] | None:
    if not all(map(importlib.util.find_spec, ("onnx", "onnxruntime"))):
        return None
    import onnxruntime  # pyright: ignore[reportMissingImports]

    file = io.BytesIO()
    shapes = {2: "height", 3: "width"}
    names = {"input_names": ["x"], "output_names": ["y"]}
    example = torch.zeros(1, 3, 64, 64)
    torch.onnx.export(
        network, (example,), file, dynamo=False, dynamic_axes={"x": shapes, "y": shapes}, **names
    )
    session = onnxruntime.InferenceSession(file.getvalue())
    return lambda picture: torch.from_numpy(session.run(None, {"x": picture.numpy()})[0])


WAYS = {"plain": plain, "ours": ours, "onnxruntime": with_onnx}


def peak_memory(name: str, way: str, side: int) -> int:
    """Megabytes of a process that enlarges one picture."""
    done = subprocess.run(
        [sys.executable, __file__, name, "--only", way, "--side", str(side)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return int(done.stdout.split()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", default=["srresnet", "compact", "photos-x4"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--only", choices=WAYS, help="one way once; prints its peak memory in MB")
    arguments = parser.parse_args()
    picture = torch.rand(1, 3, arguments.side, arguments.side) * 2 - 1
    if arguments.only:
        run = WAYS[arguments.only](network_from_state_dict(arguments.networks[0]))
        assert run is not None
        run(picture)
        # ru_maxrss would be at least that of the process that started this one.
        status = Path("/proc/self/status").read_text().splitlines()
        print(int(next(line for line in status if line.startswith("VmHWM")).split()[1]) // 1024)
        return
    for name in arguments.networks:
        runs = {way: build(network_from_state_dict(name)) for way, build in WAYS.items()}
        seconds: dict[str, list[float]] = {way: [] for way, run in runs.items() if run}
        for number in range(arguments.rounds + 1):
            for way in seconds:
                started = time.perf_counter()
                made = runs[way](picture)  # type: ignore[misc]
                if number:  # the first round warms up
                    seconds[way].append(time.perf_counter() - started)
                assert made.shape[-1] == SCALE * arguments.side
        megapixels = (SCALE * arguments.side) ** 2 / 1e6
        medians = {way: statistics.median(values) for way, values in seconds.items()}
        row = {
            "network": name,
            "megapixels_per_second": {w: round(megapixels / s, 2) for w, s in medians.items()},
            "times_as_fast_as_plain": round(medians["plain"] / medians["ours"], 2),
            "peak_memory_MB": {w: peak_memory(name, w, arguments.side) for w in medians},
            "machine": machine(),
        }
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
