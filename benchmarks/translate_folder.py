"""Translating a folder: the share of the network in the time, with the ways back and without.

    python benchmarks/translate_folder.py [--images 30] [--size 128] [--rounds 3]

A CycleGAN of six blocks and 64 channels, with initial weights, translates PNG files in turns with
`--cycle all`, `sheet` and `none`. Medians of seconds, of the share of the forward translations, and
of that of all calls of the network.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from reverie.data import ImageSpec
from reverie.inference.model import Model
from reverie.inference.options import TranslateOptions
from reverie.inference.translate import translate_files
from reverie.methods import METHODS
from reverie.runs.environment import machine


class TimedModel(Model):
    """A model that adds up the seconds of its translations, by direction."""

    seconds: dict[str, float]

    def translate(self, *args: Any, **how: Any) -> torch.Tensor:
        started = time.perf_counter()
        made = super().translate(*args, **how)
        self.seconds[args[1]] += time.perf_counter() - started
        return made


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--images", type=int, default=30)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    kind = METHODS["cyclegan"]
    torch.manual_seed(0)
    method = kind(kind.Options(blocks=6), ImageSpec(3, arguments.size))  # type: ignore[call-arg]
    model = TimedModel("initial weights", "cyclegan", method)
    found: dict[str, list[tuple[float, float, float]]] = {"all": [], "sheet": [], "none": []}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "in")
        folder.mkdir()
        for number in range(arguments.images):
            chance = np.random.default_rng(number)
            pixels = chance.integers(0, 256, (arguments.size, arguments.size, 3), np.uint8)
            Image.fromarray(pixels).save(folder / f"{number:03}.png")
        for number in range(arguments.rounds):
            for cycle, rows in found.items():
                model.seconds = {"ab": 0.0, "ba": 0.0}
                started = time.perf_counter()
                options = TranslateOptions(cycle=cycle)  # type: ignore[arg-type]
                translate_files(model, [folder], Path(place, f"{cycle}{number}"), options)
                took = time.perf_counter() - started
                network = model.seconds["ab"]
                rows.append((took, network / took, sum(model.seconds.values()) / took))
    row: dict[str, Any] = {"images": arguments.images, "size": arguments.size}
    for cycle, rows in found.items():
        seconds, forward, network = (
            statistics.median(column) for column in zip(*rows, strict=True)
        )
        row[cycle] = {
            "seconds": round(seconds, 2),
            "share_of_translations": round(forward, 3),
            "share_of_the_network": round(network, 3),
        }
    print(json.dumps(row | {"machine": machine()}))


if __name__ == "__main__":
    main()
