"""A training step of CycleGAN and pix2pix: ours against its textbook form, in one run.

    python benchmarks/translate.py [--rounds 5] [--steps 4] [--size 128] [--out FILE.json]

Both have the same networks and the same images: batch size 1, six residual blocks (or a U-Net of
seven levels), 64 channels. The textbook step is that of `tests/reference/textbook.py`: six
generator calls, discriminators on real and generated images one by one, fp32, plain Adam; in fp32
ours gives the same losses and gradients (`tests/methods/translation`). The two take turns; the
figures are medians over the rounds. Peak memory is that of a process of its own.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from reverie.core.rng import Rng
from reverie.data import Batch, ImageSpec
from reverie.methods import METHODS
from reverie.methods.recipe import TrainOptions
from reverie.runs.environment import commit, machine, versions
from reverie.runs.run import Run
from reverie.training.loop import update
from reverie.training.setup import make_accelerator
from reverie.training.state import TrainState

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.reference import textbook

Step = Callable[[int], None]


def random_images(size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """One image of each domain, [1, 3, size, size] in [-1, 1]."""
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.rand(1, 3, size, size, generator=generator) * 2 - 1 for _ in "ab")
    return a, b


def textbook_step(method: str, size: int) -> Step:
    a, b = random_images(size)
    step = textbook.CycleGANStep() if method == "cyclegan" else textbook.Pix2PixStep()
    return lambda number: step(a, b) and None


def our_step(method: str, size: int, precision: Any) -> Step:
    """The updates of the training loop, as in the papers' presets: without EMA."""
    a, b = random_images(size)
    kind = METHODS[method]
    options = kind.Options(**({"dropout": False} if method == "pix2pix" else {}))
    with tempfile.TemporaryDirectory() as folder:
        train = TrainOptions(precision=precision, batch_size=1, ema_decay=0.0)
        training = TrainState(
            kind(options, ImageSpec(3, size)), train, make_accelerator(train, Run(Path(folder)))
        )
    batch = Batch(a, domain_b=b).to(torch.device("cpu"))

    def step(number: int) -> None:
        for phase in training.phases:
            rng = Rng(torch.Generator().manual_seed(number), number)
            update(training, phase, [batch], [rng], 2e-4)
        training.average(number)

    return step


CONTESTANTS: dict[str, Callable[[str, int], Step]] = {
    "textbook": textbook_step,
    "fp32": lambda method, size: our_step(method, size, "fp32"),
    "auto": lambda method, size: our_step(method, size, "auto"),
}


def seconds(step: Step, steps: int) -> float:
    """Mean seconds of a step."""
    started = time.perf_counter()
    for number in range(steps):
        step(number)
    return (time.perf_counter() - started) / steps


def peak_memory(name: str, method: str, size: int) -> float:
    """Megabytes of a new process after two steps."""
    words = [sys.executable, __file__, "--alone", name, "--methods", method, "--size", str(size)]
    return float(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


def measure(method: str, size: int, rounds: int, steps: int) -> dict[str, Any]:
    contestants = {name: make(method, size) for name, make in CONTESTANTS.items()}
    took: dict[str, list[float]] = {name: [] for name in contestants}
    for step in contestants.values():
        step(0)
    for _ in range(rounds):
        for name, step in contestants.items():
            took[name].append(seconds(step, steps))
    shares = [ours / theirs for ours, theirs in zip(took["auto"], took["textbook"], strict=True)]
    return {
        "method": method,
        "size": size,
        **{f"{k}_seconds_per_step": round(statistics.median(v), 3) for k, v in took.items()},
        "share_of_the_textbooks_time": round(statistics.median(shares), 3),
        **{f"{name}_peak_megabytes": peak_memory(name, method, size) for name in CONTESTANTS},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--methods", nargs="*", default=["cyclegan", "pix2pix"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--out", type=Path, default=None)
    parser.add_argument("--alone", choices=CONTESTANTS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.alone:
        seconds(CONTESTANTS[arguments.alone](arguments.methods[0], arguments.size), 2)
        status = Path("/proc/self/status").read_text()
        print(int(status.split("VmHWM:")[1].split()[0]) // 1024)
        return
    rows = []
    for method in arguments.methods:
        rows.append(measure(method, arguments.size, arguments.rounds, arguments.steps))
        print(json.dumps(rows[-1]), flush=True)
    result = {"machine": machine(), "commit": commit(), "versions": versions(), "cases": rows}
    if arguments.out:
        arguments.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
