"""What all benchmarks share: turns, time, peak memory of a process, FLOPs, and the machine.

    python benchmarks/measuring.py

prints the machine with its measured peaks. Forms of the same work take turns within each round, so
that whatever else the machine does meets all of them. Ratios are medians over the rounds of ratios
in the same round, by processor time, which other work on the machine changes less than the clock's.
A share of the peak is GFLOP per second of processor time over the largest that convolutions reach
here in the same arithmetic.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from reverie.core.memory import freed_memory_kept
from reverie.core.precision import bf16_is_native
from reverie.runs.environment import commit, machine, versions

Arithmetic = Literal["fp32", "bf16"]
Name = TypeVar("Name", bound=Hashable)
Row = dict[str, Any]
"""One result as JSON: of `comparison`, or of `curve`."""

PEAK_SHAPES = ((2, 256, 32), (8, 128, 32), (8, 64, 64), (1, 256, 64))
"""Batch, channels and side of the 3×3 convolutions whose fastest is the measured peak."""

PEAK_SECONDS = 0.5
"""Time for each of them."""


@dataclass(frozen=True, kw_only=True)
class Form:
    """One way to do the work that is compared."""

    run: Callable[[], object]
    arithmetic: Arithmetic = "fp32"
    parameters: int | None = None
    """Of the networks that it computes."""
    counted: Callable[[], object] | None = None
    """What has its FLOPs as usual implementations compute them, where `run` has others."""


@dataclass
class Times:
    """Seconds of each round, by the clock and of all processors together."""

    seconds: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)

    def add(self, run: Callable[[], object]) -> None:
        """Measure one run."""
        started, used = time.perf_counter(), time.process_time()
        run()
        self.seconds.append(time.perf_counter() - started)
        self.processor.append(time.process_time() - used)


def take_turns(
    runs: Mapping[Name, Callable[[], object]], rounds: int, warm: bool = True
) -> dict[Name, Times]:
    """Times of all runs in turns, after one run of each that is not measured."""
    times = {name: Times() for name in runs}
    if warm:
        for run in runs.values():
            run()
    for _ in range(rounds):
        for name, run in runs.items():
            times[name].add(run)
    return times


def median_ratio(above: Iterable[float], below: Iterable[float]) -> float:
    """Median over the rounds of the ratio in each."""
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


def comparison(
    part: str,
    case: str,
    forms: Mapping[str, Form],
    base: str,
    times: Mapping[str, Times],
    *,
    peaks: Mapping[str, float] | None = None,
    memory: Mapping[str, float] | None = None,
    repeats: int = 1,
) -> Row:
    """The row of a case: for each form its times, how many times as fast it is as `base`, and more.

    Args:
        part: the benchmark.
        case: what is done.
        forms: how, by name.
        base: the form that the others are compared with.
        times: of each form; of `repeats` times the work.
        peaks: those of the machine, for FLOPs and the share of the peak; they run the forms again.
        memory: peak memory in MB of a process of its own, by form.
        repeats: how often one measured run does the work.
    """
    rows: dict[str, Row] = {}
    for name, form in forms.items():
        own, first = times[name], times[base]
        row: Row = {
            "seconds": round(statistics.median(own.seconds) / repeats, 5),
            "processor_seconds": round(statistics.median(own.processor) / repeats, 5),
            "times_as_fast": round(median_ratio(first.processor, own.processor), 3),
            "times_as_fast_by_the_clock": round(median_ratio(first.seconds, own.seconds), 3),
            "arithmetic": form.arithmetic,
        }
        if form.parameters is not None:
            row["parameters"] = form.parameters
        if peaks is not None:
            gflop = gigaflops(form.counted or form.run)
            speed = gflop / row["processor_seconds"]
            row |= {
                "gflop": round(gflop, 2),
                "share_of_peak": round(speed / peaks[form.arithmetic], 3),
            }
        if memory is not None and name in memory:
            row["peak_memory_MB"] = round(memory[name])
        rows[name] = row
    return {"kind": "comparison", "part": part, "case": case, "base": base, "forms": rows}


def curve(
    part: str, case: str, along: str, values: list[float], series: Mapping[str, list[Row]]
) -> Row:
    """The row of a growth curve: what `own_figures` returned at each of `values`, by form."""
    return {
        "kind": "curve", "part": part, "case": case, "along": along, "values": values,
        "series": dict(series),
    }  # fmt: skip


class FlopCounter(TorchDispatchMode):
    """Counts FLOPs by PyTorch's formulas (2 for each multiplication and addition).

    `torch.utils.flop_counter.FlopCounterMode` also follows modules, and fails where a gradient is
    part of a loss.
    """

    def __init__(self) -> None:
        super().__init__()
        self.flops = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        count = flop_registry.get(func._overloadpacket)
        if count is None and func is not torch.ops.prim.device.default:
            with self:  # in inference mode operations arrive whole
                made = func.decompose(*args, **kwargs)
            if made is not NotImplemented:
                return made
        made = func(*args, **kwargs)
        if count is not None:
            self.flops += int(count(*args, **kwargs, out_val=made))
        return made


def gigaflops(run: Callable[[], object]) -> float:
    """Billions of floating-point operations of a run, those of convolutions and matrix products."""
    with FlopCounter() as counter:
        run()
    return counter.flops / 1e9


def convolution_peak(dtype: torch.dtype) -> float:
    """Most GFLOP per second of processor time that a 3×3 convolution reaches, in inference."""
    best = 0.0
    for batch, channels, side in PEAK_SHAPES:
        weight = torch.randn(channels, channels, 3, 3, dtype=dtype)
        x = torch.randn(batch, channels, side, side, dtype=dtype)
        work = 2 * batch * channels**2 * 9 * side**2 / 1e9
        for memory_format in (torch.contiguous_format, torch.channels_last):
            own = [t.contiguous(memory_format=memory_format) for t in (x, weight)]
            with torch.inference_mode():
                F.conv2d(*own, padding=1)
                ends = time.process_time() + PEAK_SECONDS / 2
                while time.process_time() < ends:
                    started = time.process_time()
                    for _ in range(3):
                        F.conv2d(*own, padding=1)
                    best = max(best, 3 * work / (time.process_time() - started))
    return best


def measured_peaks() -> dict[str, float]:
    """The peaks in fp32 and bf16, in GFLOP per second of processor time."""
    return {
        "fp32": round(convolution_peak(torch.float32), 1),
        "bf16": round(convolution_peak(torch.bfloat16), 1),
    }


def caches() -> dict[str, str]:
    """Size of each cache of the first processor, where Linux says it."""
    found = {}
    for folder in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = (
            (folder / name).read_text().strip() for name in ("level", "type", "size")
        )
        letter = {"Data": "d", "Instruction": "i"}.get(kind, "")
        found[f"L{level}{letter}"] = size
    return found


def description(peaks: Mapping[str, float]) -> Row:
    """The machine that the figures are of."""
    here = machine()
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "processor": here["processor"],
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "cores_used": len(cores) or os.cpu_count(),
        "threads": here["threads"],
        "gpu": here["gpu"],
        "caches": caches(),
        "memory_GB": round(pages / 1e9, 1),
        "bf16_is_native": bf16_is_native("cpu"),
        "vector_instructions": torch.backends.cpu.get_cpu_capability(),
        "convolution_peak_GFLOPs_per_core": dict(peaks),
        "load_average": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release()}",
        "versions": versions(),
        "commit": commit(),
    }


def peak_megabytes() -> float:
    """Largest resident memory of this process so far.

    `ru_maxrss` would be at least that of the process that started this one.
    """
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024
    unit = 1024**2 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def own_figures(run: Callable[[], object], steps: int = 1, *, warm: bool = True) -> Row:
    """Times and page faults of one step, after one to warm up, and this process's peak memory."""
    if warm:
        run()
    before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    for _ in range(steps):
        run()
    seconds = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_SELF)
    system = after.ru_stime - before.ru_stime
    return {
        "seconds": seconds / steps,
        "processor_seconds": (after.ru_utime - before.ru_utime + system) / steps,
        "system_seconds": system / steps,
        "thousand_faults": (after.ru_minflt - before.ru_minflt) / 1000 / steps,
        "peak_memory_MB": peak_megabytes(),
    }


def memory_kept(kept: bool) -> Any:
    """The context in which `reverie train` computes, or none."""
    return freed_memory_kept() if kept else nullcontext()


def child(script: str, *words: object, environment: Mapping[str, str] | None = None) -> Row:
    """What a new process of a benchmark prints in its last line, as JSON."""
    done = started_child(script, *words, environment=environment)
    return ended_child(done)


def peak_memory_of(script: str, words: Mapping[str, Sequence[object]]) -> dict[str, float]:
    """Peak memory in MB of a process for each form, two at a time with one thread each."""
    one_thread = {"OMP_NUM_THREADS": "1"}

    def measure(own: Sequence[object]) -> float:
        return child(script, *own, environment=one_thread)["peak_memory_MB"]

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(words, pool.map(measure, words.values()), strict=True))


def started_child(
    script: str, *words: object, environment: Mapping[str, str] | None = None
) -> "subprocess.Popen[str]":
    """The process of `child`, which runs; several may at once."""
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", script, *map(str, words)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environment or {})},
    )


def ended_child(process: "subprocess.Popen[str]") -> Row:
    """What it has printed, when it has ended."""
    said, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"{process.args} ended with {process.returncode}")
    return json.loads(said.splitlines()[-1])


def parameter_count(*networks: nn.Module) -> int:
    """Parameters of networks together, in which each counts once."""
    return sum({id(p): p.numel() for network in networks for p in network.parameters()}.values())


def add_arguments(parser: argparse.ArgumentParser, rounds: int = 5) -> None:
    """The arguments of every benchmark."""
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--quick", action="store_true", help="fewer cases")
    parser.add_argument("--out", type=Path, default=None, help="also write all to this JSON file")


def print_rows(rows: Iterator[Row], peaks: Mapping[str, float], out: Path | None) -> None:
    """Print the machine and each row as it comes, and write all of them."""
    here, found = description(peaks), []
    print(json.dumps(here), flush=True)
    for row in rows:
        found.append(row)
        print(json.dumps(row), flush=True)
    if out:
        out.write_text(json.dumps({"machine": here, "rows": found}, indent=1) + "\n")


def main() -> None:
    argparse.ArgumentParser(description=str(__doc__).splitlines()[0]).parse_args()
    print(json.dumps(description(measured_peaks()), indent=1))


if __name__ == "__main__":
    main()
