"""All benchmarks of speed and memory, as one JSON file and one page with plots.

    python benchmarks/run.py [PART ...] [--rounds 3] [--quick] [--out FOLDER] [--svg FOLDER]

Parts: train, upscale, evaluation, folder, decode, start, faults, growth, threads; all where none is
named. Forms of each case take turns. FOLDER (benchmark-results) gets `results.json` after every row
and `index.html` after every part, so that what was measured is kept if it is stopped. `--quick` has
smaller cases and two rounds, for ten minutes of two cores; `--svg` also writes the plots alone.
Each script can be run by itself for more (`benchmarks/data.py decode --size 256`).

What needs trained models, minutes of training or a server has scripts of its own: `quality.py`,
`diffusion.py`, `photos.py`, `latents.py`, `dream.py`, `export.py`, `serve.py`, `pace.py`.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import growth
import memory
import train_step
import translate_folder
import upscale
from measuring import Row, add_arguments, description, measured_peaks
from page import write_page

import data
import evaluation
from reverie.core.errors import UserError
from reverie.core.files import write_atomic
from reverie.core.progress import silent

QUICK_ROUNDS = 2

ABOUT = {
    "train": "One step, on random images. The textbook's forms and ours have the same networks, "
    "and so as many parameters; “not folded” has as many parameters and more FLOPs. “channels "
    "last” includes fused Adam. FLOPs are those of usual convolutions, also where ours uses "
    "another form with fewer, and those that gradient checkpointing computes again.",
    "upscale": "The same network and image; FLOPs are those of the plain form.",
    "evaluation": "Random features. “whole” is the plain form in float64.",
    "folder": "What reverie translate does with a CycleGAN of six blocks, files included.",
    "decode": "Photographs of 1 to 2 megapixels into an empty cache, beside a plain pool of "
    "threads.",
    "start": "A new process opens a folder of small files for the first time, and again.",
    "faults": "Freed memory is returned to the system as usual, or kept as reverie train does.",
    "growth": "Each point is a process of its own.",
    "threads": "Seconds by the clock for a step of any of the runs that train at once.",
}


class Skipped(Exception):
    """A part cannot be measured here."""


def _decode(arguments: argparse.Namespace) -> Iterator[Row]:
    try:
        yield from data.rows("decode", arguments.folder, arguments)
    except UserError as error:
        raise Skipped(str(error)) from None


def _threads(arguments: argparse.Namespace) -> Iterator[Row]:
    if not growth.two_cores():
        raise Skipped("it needs two cores.")
    yield from growth.rows(["threads"], arguments.rounds, quick=arguments.quick)


def parts_of(
    arguments: argparse.Namespace, peaks: Mapping[str, float]
) -> dict[str, Callable[[], Iterator[Row]]]:
    """What measures each part."""
    rounds, quick = arguments.rounds, arguments.quick
    return {
        "train": partial(train_step.rows, (), rounds, peaks, quick=quick),
        "upscale": partial(upscale.rows, (), rounds, peaks, quick=quick),
        "evaluation": partial(evaluation.rows, (), rounds, quick=quick),
        "folder": partial(translate_folder.rows, rounds, quick=quick),
        "decode": partial(_decode, arguments),
        "start": partial(data.rows, "start", arguments.folder, arguments),
        "faults": partial(memory.rows, (), rounds, quick=quick),
        "growth": partial(growth.rows, ("batch", "size", "images"), rounds, quick=quick),
        "threads": partial(_threads, arguments),
    }


def run(arguments: argparse.Namespace) -> Row:
    """Measure, and write what there is after each row."""
    peaks = measured_peaks()
    results: Row = {"machine": description(peaks), "quick": arguments.quick, "about": ABOUT}
    results |= {"minutes": {}, "processor_minutes": {}, "skipped": {}, "rows": []}
    parts = parts_of(arguments, peaks)
    for name in arguments.parts or parts:
        started, used = time.monotonic(), _processor_seconds()
        try:
            with silent():
                for row in parts[name]():
                    results["rows"].append(row)
                    print(_line(row), flush=True)
                    _write_json(results, arguments)
        except Skipped as why:
            results["skipped"][name] = str(why)
            print(f"{name}: not measured: {why}", file=sys.stderr)
        results["minutes"][name] = round((time.monotonic() - started) / 60, 2)
        processor = (_processor_seconds() - used) / 60
        results["processor_minutes"][name] = round(processor, 2)
        _write_json(results, arguments)
        write_page(results, arguments.out / "index.html", arguments.svg)
    return results


def _processor_seconds() -> float:
    """Those of this process and of the processes that it has ended, on all processors."""
    return sum(os.times()[:4])


def _write_json(results: Row, arguments: argparse.Namespace) -> None:
    arguments.out.mkdir(parents=True, exist_ok=True)
    write_atomic(arguments.out / "results.json", json.dumps(results, indent=1) + "\n")


def _line(row: Row) -> str:
    """A row in one line."""
    if row["kind"] == "curve":
        return f"{row['part']}: {row['case']} along {row['along']} {row['values']}"
    shown = ", ".join(f"{name} {form['times_as_fast']}" for name, form in row["forms"].items())
    return f"{row['part']}: {row['case']}: {shown}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=str(__doc__).splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("parts", nargs="*", choices=[[], *ABOUT], metavar="PART")
    add_arguments(parser, rounds=3)
    data.add_data_arguments(parser)
    parser.add_argument("--svg", type=Path, default=None, help="folder for the plots alone")
    parser.set_defaults(out=Path("benchmark-results"))
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rounds = min(arguments.rounds, QUICK_ROUNDS)
    with tempfile.TemporaryDirectory() as folder:
        if arguments.quick:
            arguments.folder = Path(folder)
        run(arguments)
    print(arguments.out / "index.html")


if __name__ == "__main__":
    main()
