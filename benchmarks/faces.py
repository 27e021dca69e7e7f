"""Glasses taken off and put on: errors against the truth, which is drawn for every held-out face.

    reverie data get faces
    python benchmarks/faces.py [--minutes 15] [--sheet docs/faces.png] [METHOD:PRESET ...]

Prints one JSON line for each recipe and direction: the mean absolute error in [-1, 1] around the
eyes, where glasses sit, and in the rest of the face; beside doing nothing, and beside a blur of the
truth (Gaussian, σ = 1 pixel), which is what a careless network does to the rest.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

import reverie
from reverie.core.image_io import save_sheet
from reverie.data import DataOptions
from reverie.data.dataset import decode_dataset, find_dataset
from reverie.data.sets.faces import EYES
from reverie.evaluation.translation import whole
from reverie.runs.environment import commit, machine

SIZE = 32
RECIPES = ["cyclegan:faces-small"]


def held_out(data: str) -> tuple[Tensor, Tensor]:
    """The same faces without and with the attribute."""
    wanted = DataOptions(data=data, image_size=SIZE, split="test", channels="3")
    pictures = decode_dataset(find_dataset(wanted, "paired"))
    assert pictures.domain_b is not None
    return whole(pictures), whole(pictures.domain_b)


def blurred(pictures: Tensor) -> Tensor:
    """Through a Gaussian of σ = 1 pixel."""
    line = torch.exp(-torch.arange(-3.0, 4.0).square() / 2)
    kernel = torch.outer(line, line) / line.sum() ** 2
    padded = F.pad(pictures, (3, 3, 3, 3), mode="replicate")
    return F.conv2d(padded, kernel.expand(3, 1, 7, 7), groups=3)


def errors(made: Tensor, truth: Tensor) -> dict[str, float]:
    left, top, right, bottom = (round(edge * SIZE) for edge in EYES)
    difference = (made - truth).abs().mean(1)
    eyes = torch.zeros(SIZE, SIZE, dtype=torch.bool)
    eyes[top:bottom, left:right] = True
    return {
        "error_at_the_eyes": round(float(difference[:, eyes].mean()), 4),
        "error_elsewhere": round(float(difference[:, ~eyes].mean()), 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipes", nargs="*", default=RECIPES)
    parser.add_argument("--data", default="faces")
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=None, help="keep the runs in this folder")
    parser.add_argument("--sheet", type=Path, default=None, help="rows of source, made and truth")
    arguments = parser.parse_args()
    sides = held_out(arguments.data)
    place = {"minutes": arguments.minutes, "machine": machine(), "commit": commit()}

    def say(name: str, direction: str, made: Tensor, **more: Any) -> None:
        truth = sides[1 if direction == "ab" else 0]
        row = {"recipe": name, "direction": direction} | errors(made, truth)
        print(json.dumps(row | more), flush=True)

    for number, direction in enumerate(("ab", "ba")):
        say("doing nothing", direction, sides[number])
        say("a blur of the truth", direction, blurred(sides[1 - number]))
    for recipe in arguments.recipes:
        method, preset = recipe.split(":")
        options: dict[str, Any] = {"data": arguments.data, "image_size": SIZE}
        options |= {"minutes": arguments.minutes, "seed": arguments.seed}
        with tempfile.TemporaryDirectory() as folder:
            out = (arguments.out or Path(folder)) / recipe.replace(":", "-")
            run = reverie.train(method, preset=preset, out=out, **options)
            model = run.load()
        columns = []
        for direction in ("ba", "ab"):
            source, truth = sides if direction == "ab" else sides[::-1]
            made = torch.cat([model.translate(x, direction) for x in source.split(50)])
            say(recipe, direction, made, steps=run.steps, **place)
            columns += [source[:16], made[:16], truth[:16]]
        if arguments.sheet:
            rows = torch.stack(columns, dim=1).flatten(0, 1)
            save_sheet(rows, arguments.sheet, columns=len(columns))


if __name__ == "__main__":
    main()
