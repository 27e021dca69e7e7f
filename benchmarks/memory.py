"""Page faults of trainings and evaluations: freed memory kept beside glibc's own thresholds.

    python benchmarks/memory.py [--rounds 3] [--steps 5] [WORK ...]

Each run is a process of its own, in turns. Times, processor time in the system, page faults in
thousands (all of one step) and peak memory; medians.
"""

import argparse
import json
import statistics
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import torch
import train_step  # the benchmark beside this one
from measuring import (
    Form,
    Row,
    Times,
    add_arguments,
    child,
    comparison,
    measured_peaks,
    memory_kept,
    own_figures,
    print_rows,
)

from reverie.evaluation.metrics.features import extract_features


def evaluation_step() -> Callable[[], object]:
    """The features of 50 images of 64×64."""
    images = torch.rand(50, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return lambda: extract_features("efficientnet", [images])


def _training(case: str) -> Callable[[], object]:
    return train_step.our_step(train_step.CASES[case], precision="fp32")[0]


WORK: dict[str, Callable[[], Callable[[], object]]] = {
    "pix2pix": partial(_training, "pix2pix 256"),
    "cyclegan": partial(_training, "cyclegan 128"),
    "evaluate": evaluation_step,
}
QUICK = ("evaluate",)


def measure(work: str, rounds: int, steps: int) -> Row:
    """Both forms in turns, each in new processes."""
    found: dict[str, list[Row]] = {"usual": [], "kept": []}
    for _ in range(rounds):
        for name, own in found.items():
            own.append(child(__file__, work, "--alone", name, "--steps", steps))
    times = {
        name: Times([r["seconds"] for r in own], [r["processor_seconds"] for r in own])
        for name, own in found.items()
    }
    forms = {name: Form(run=lambda: None) for name in found}
    row = comparison("faults", work, forms, "usual", times)
    for name, own in found.items():
        for key in ("thousand_faults", "system_seconds", "peak_memory_MB"):
            row["forms"][name][key] = round(statistics.median(r[key] for r in own), 3)
    return row


def rows(
    names: Sequence[str], rounds: int, *, steps: int = 5, quick: bool = False
) -> Iterator[Row]:
    """A row for each work."""
    for name in names or (QUICK if quick else WORK):
        yield measure(name, rounds, 2 if quick else steps)


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("work", nargs="*", choices=[[], *WORK], metavar="WORK")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--alone", choices=["usual", "kept"], help=argparse.SUPPRESS)
    add_arguments(parser, rounds=3)
    arguments = parser.parse_args()
    if arguments.alone:
        with memory_kept(arguments.alone == "kept"):
            print(json.dumps(own_figures(WORK[arguments.work[0]](), arguments.steps)))
        return
    how = {"steps": arguments.steps, "quick": arguments.quick}
    print_rows(rows(arguments.work, arguments.rounds, **how), measured_peaks(), arguments.out)


if __name__ == "__main__":
    main()
