"""Translating a folder: the share of the network in the time, with the ways back and without.

    python benchmarks/translate_folder.py [--images 30] [--size 128] [--rounds 3]

A CycleGAN of six blocks and 64 channels, with initial weights, translates PNG files in turns with
`--cycle all`, `sheet` and `none`. Medians of the times, of the share of the forward translations in
them, and of that of all calls of the network.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measuring import Form, Row, add_arguments, comparison, measured_peaks, print_rows, take_turns
from PIL import Image

from reverie.data import ImageSpec
from reverie.inference.model import Model
from reverie.inference.options import TranslateOptions
from reverie.inference.translate import translate_files
from reverie.methods import METHODS


class TimedModel(Model):
    """A model that adds up the seconds of its translations, by direction."""

    seconds: dict[str, float]

    def translate(self, *args: Any, **how: Any) -> torch.Tensor:
        started = time.perf_counter()
        made = super().translate(*args, **how)
        self.seconds[args[1]] += time.perf_counter() - started
        return made


def measure(images: int, size: int, rounds: int) -> Row:
    """The three ways in turns."""
    kind = METHODS["cyclegan"]
    torch.manual_seed(0)
    method = kind(kind.Options(blocks=6), ImageSpec(3, size))  # type: ignore[call-arg]
    model = TimedModel("initial weights", "cyclegan", method)
    shares: dict[str, list[tuple[float, float]]] = {"all": [], "sheet": [], "none": []}
    numbers = iter(range(10**6))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "in")
        folder.mkdir()
        for number in range(images):
            chance = np.random.default_rng(number)
            pixels = chance.integers(0, 256, (size, size, 3), np.uint8)
            Image.fromarray(pixels).save(folder / f"{number:03}.png")

        def translate(cycle: str) -> None:
            model.seconds = {"ab": 0.0, "ba": 0.0}
            started = time.perf_counter()
            options = TranslateOptions(cycle=cycle)  # type: ignore[arg-type]
            translate_files(model, [folder], Path(place, f"{cycle}{next(numbers)}"), options)
            took = time.perf_counter() - started
            network = sum(model.seconds.values())
            shares[cycle].append((model.seconds["ab"] / took, network / took))

        forms = {f"--cycle {cycle}": Form(run=partial(translate, cycle)) for cycle in shares}
        runs = {name: form.run for name, form in forms.items()}
        times = take_turns(runs, rounds, warm=False)
    row = comparison("folder", f"{images} images of {size}²", forms, "--cycle all", times)
    for cycle, own in shares.items():
        forward, network = (statistics.median(column) for column in zip(*own, strict=True))
        row["forms"][f"--cycle {cycle}"] |= {
            "share_of_translations": round(forward, 3),
            "share_of_the_network": round(network, 3),
        }
    return row


def rows(rounds: int, *, images: int = 30, size: int = 128, quick: bool = False) -> Iterator[Row]:
    """The one row."""
    yield measure(24 if quick else images, size // 2 if quick else size, rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--images", type=int, default=30)
    parser.add_argument("--size", type=int, default=128)
    add_arguments(parser, rounds=3)
    arguments = parser.parse_args()
    how = {"images": arguments.images, "size": arguments.size, "quick": arguments.quick}
    print_rows(rows(arguments.rounds, **how), measured_peaks(), arguments.out)


if __name__ == "__main__":
    main()
