"""Page faults of trainings and evaluations: freed memory kept beside glibc's own thresholds.

    python benchmarks/memory.py [--rounds 3] [--steps 5] [WORK ...]

Each run is a process of its own, in turns. Medians of seconds, processor seconds in the system,
page faults in thousands (all for one step) and peak memory; and the median ratio of seconds.
"""

import argparse
import contextlib
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
import translate  # the benchmark beside this one

from reverie.core.memory import freed_memory_kept
from reverie.evaluation.metrics.features import extract_features
from reverie.runs.environment import machine

Step = Callable[[int], None]


def evaluation_step() -> Step:
    """The features of 50 images of 64×64."""
    images = torch.rand(50, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return lambda number: extract_features("efficientnet", [images]) and None


WORK: dict[str, Callable[[], Step]] = {
    "pix2pix": lambda: translate.our_step("pix2pix", 256, "fp32"),
    "cyclegan": lambda: translate.our_step("cyclegan", 128, "fp32"),
    "evaluate": evaluation_step,
}


def measure(work: str, kept: bool, steps: int) -> dict[str, float]:
    """One process's figures, each for one step."""
    with freed_memory_kept() if kept else contextlib.nullcontext():
        step = WORK[work]()
        step(0)
        before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
        for number in range(1, steps + 1):
            step(number)
        seconds = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_SELF)
    status = Path("/proc/self/status").read_text()
    return {
        "seconds": seconds / steps,
        "system_seconds": (after.ru_stime - before.ru_stime) / steps,
        "processor_seconds": (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        / steps,
        "thousand_faults": (after.ru_minflt - before.ru_minflt) / 1000 / steps,
        "peak_memory_MB": int(status.split("VmHWM:")[1].split()[0]) / 1024,
    }


def alone(work: str, kept: bool, steps: int) -> dict[str, float]:
    """`measure` in a new process."""
    words = [sys.executable, __file__, work, "--alone", "kept" if kept else "usual"]
    words += ["--steps", str(steps)]
    return json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("work", nargs="*", default=list(WORK))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--alone", choices=["usual", "kept"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.alone:
        print(json.dumps(measure(arguments.work[0], arguments.alone == "kept", arguments.steps)))
        return
    for work in arguments.work:
        found: dict[str, list[dict[str, float]]] = {"usual": [], "kept": []}
        for _ in range(arguments.rounds):
            for name, rows in found.items():
                rows.append(alone(work, name == "kept", arguments.steps))
        row: dict[str, object] = {"work": work, "machine": machine()}
        for name, rows in found.items():
            row[name] = {k: round(statistics.median(r[k] for r in rows), 3) for k in rows[0]}
        pairs = list(zip(found["usual"], found["kept"], strict=True))
        for key in ("seconds", "processor_seconds"):
            shares = [kept[key] / usual[key] for usual, kept in pairs]
            row[f"share_of_{key}"] = round(statistics.median(shares), 3)
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
