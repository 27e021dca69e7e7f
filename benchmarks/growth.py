"""How time and memory grow with the batch, the image size and the number of images; and two
processes against two threads.

    python benchmarks/growth.py [batch] [size] [images] [threads] [--rounds 3] [--quick]

Each point is a process of its own; forms take turns within each round. `batch` and `size` are
training steps, `images` the metrics of as many features; the growth with the number of files is
`data.py start`. `threads` compares one process with two threads and two processes with one thread,
which train two runs at once as a sweep does: the seconds are those of the clock for one step of
any of them.
"""

import argparse
import os
import statistics
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import train_step
from measuring import (
    Form,
    Row,
    Times,
    add_arguments,
    child,
    comparison,
    curve,
    ended_child,
    measured_peaks,
    print_rows,
    started_child,
)

import evaluation

BATCH_CASE, BATCHES = "diffusion 32", (4, 16, 64)
BATCH_FORMS = ("textbook", "textbook, channels last + autocast", "ours, fp32", "ours")
SIZE_CASE, SIZES = "cyclegan 128", (64, 128, 256)
SIZE_FORMS = ("textbook", "textbook, channels last + autocast", "ours", "ours, checkpointing")
QUICK_FORMS = ("textbook", "ours")
COUNTS, WIDTH = (1000, 2000, 4000, 8000), 256
THREADS_CASES = ("diffusion 32", "cyclegan 128")
THREAD_STEPS = 3

Measure = Callable[[int], Row]
"""From a value to the figures there."""


def along(
    case: str, label: str, values: Sequence[int], forms: dict[str, Measure], rounds: int
) -> Row:
    """The curve of forms that take turns at each value; medians."""
    series: dict[str, list[Row]] = {name: [] for name in forms}
    for value in values:
        found: dict[str, list[Row]] = {name: [] for name in forms}
        for _ in range(rounds):
            for name, measure in forms.items():
                found[name].append(measure(value))
        for name, own in found.items():
            keys = ("seconds", "processor_seconds", "peak_memory_MB")
            medians = {key: round(statistics.median(r[key] for r in own), 4) for key in keys}
            series[name].append(medians)
    return curve("growth", case, label, list(values), series)


def batch(rounds: int, quick: bool) -> Iterator[Row]:
    """A training step along the batch size."""

    def measure(form: str, value: int) -> Row:
        return train_step.in_own_process(BATCH_CASE, form, batch=value, steps=2)

    forms = {name: partial(measure, name) for name in (QUICK_FORMS if quick else BATCH_FORMS)}
    yield along(BATCH_CASE, "images in a batch", BATCHES[: 2 if quick else 3], forms, rounds)


def size(rounds: int, quick: bool) -> Iterator[Row]:
    """A training step along the image size."""

    def measure(form: str, value: int) -> Row:
        return train_step.in_own_process(SIZE_CASE, form, size=value)

    forms = {name: partial(measure, name) for name in (QUICK_FORMS if quick else SIZE_FORMS)}
    values = SIZES[: 2 if quick else 3]
    yield along(SIZE_CASE.split()[0], "side of an image, pixels", values, forms, rounds)


def images(rounds: int, quick: bool) -> Iterator[Row]:
    """The metrics along the number of images of each set."""

    def measure(metric: str, form: str, value: int) -> Row:
        return child(
            evaluation.__file__, metric, "--only", form, "--count", value, "--width", WIDTH
        )

    for metric in ("kernel",) if quick else evaluation.METRICS:
        forms = {name: partial(measure, metric, name) for name in ("ours", "whole")}
        label = f"features of {WIDTH} values of each set"
        yield along(metric, label, COUNTS[: 2 if quick else 4], forms, rounds)


def threads(rounds: int, quick: bool) -> Iterator[Row]:
    """One process with two threads, and two processes with one thread."""
    for case in THREADS_CASES[:1] if quick else THREADS_CASES:
        times = {"one process, two threads": Times(), "two processes, one thread each": Times()}
        for _ in range(rounds):
            for own, (processes, count) in zip(times.values(), ((1, 2), (2, 1)), strict=True):
                started = [
                    started_child(
                        train_step.__file__, case, "--alone", "ours", "--steps", THREAD_STEPS,
                        environment={"OMP_NUM_THREADS": str(count)},
                    )
                    for _ in range(processes)
                ]  # fmt: skip
                found = [ended_child(process) for process in started]
                own.seconds.append(statistics.mean(r["seconds"] for r in found) / processes)
                own.processor.append(statistics.mean(r["processor_seconds"] for r in found))
        forms = {name: Form(run=lambda: None) for name in times}
        row = comparison("threads", case, forms, "one process, two threads", times)
        for form in row["forms"].values():  # what counts is when both are done
            form["times_as_fast"] = form["times_as_fast_by_the_clock"]
            del form["arithmetic"]
        yield row


PARTS = {"batch": batch, "size": size, "images": images, "threads": threads}


def rows(names: Sequence[str], rounds: int, *, quick: bool = False) -> Iterator[Row]:
    """The rows of each part."""
    for name in names or [n for n in PARTS if n != "threads" or two_cores()]:
        yield from PARTS[name](1 if quick else rounds, quick)


def two_cores() -> bool:
    """Whether this process may use two processors."""
    return len(os.sched_getaffinity(0)) > 1 if hasattr(os, "sched_getaffinity") else True


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], metavar="PART")
    add_arguments(parser, rounds=3)
    arguments = parser.parse_args()
    found = rows(arguments.parts, arguments.rounds, quick=arguments.quick)
    print_rows(found, measured_peaks(), arguments.out)


if __name__ == "__main__":
    main()
