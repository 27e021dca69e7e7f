"""Glasses removed and added: errors against the targets, drawn for every face of the test split.

    reverie data get faces
    python benchmarks/faces.py [--minutes 15] [--sheet docs/faces.png] [METHOD:PRESET ...]

Prints one JSON line for each preset and direction: the mean absolute error in [-1, 1] around the
eyes, where the glasses are, and in the rest of the face. The baselines are doing nothing, and the
target blurred by a Gaussian of σ = 1 pixel.
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
    """The same faces without and with the attribute, in [-1, 1]."""
    wanted = DataOptions(data=data, image_size=SIZE, split="test", channels="3")
    images = decode_dataset(find_dataset(wanted, "paired"))
    assert images.domain_b is not None
    return whole(images), whole(images.domain_b)


def blurred(images: Tensor) -> Tensor:
    """Images blurred by a Gaussian of σ = 1 pixel."""
    line = torch.exp(-torch.arange(-3.0, 4.0).square() / 2)
    kernel = torch.outer(line, line) / line.sum() ** 2
    padded = F.pad(images, (3, 3, 3, 3), mode="replicate")
    return F.conv2d(padded, kernel.expand(3, 1, 7, 7), groups=3)


def errors(made: Tensor, target: Tensor) -> dict[str, float]:
    """Mean absolute errors around the eyes and elsewhere."""
    left, top, right, bottom = (round(edge * SIZE) for edge in EYES)
    difference = (made - target).abs().mean(1)
    eyes = torch.zeros(SIZE, SIZE, dtype=torch.bool)
    eyes[top:bottom, left:right] = True
    return {
        "error_at_the_eyes": round(float(difference[:, eyes].mean()), 4),
        "error_elsewhere": round(float(difference[:, ~eyes].mean()), 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("recipes", nargs="*", default=RECIPES)
    parser.add_argument("--data", default="faces")
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=None, help="keep the runs in this folder")
    parser.add_argument(
        "--sheet", type=Path, default=None, help="rows of source, translation and target"
    )
    arguments = parser.parse_args()
    domains = held_out(arguments.data)
    place = {"minutes": arguments.minutes, "machine": machine(), "commit": commit()}

    def say(name: str, direction: str, made: Tensor, **more: Any) -> None:
        target = domains[1 if direction == "ab" else 0]
        row = {"recipe": name, "direction": direction} | errors(made, target)
        print(json.dumps(row | more), flush=True)

    for number, direction in enumerate(("ab", "ba")):
        say("doing nothing", direction, domains[number])
        say("blurred target", direction, blurred(domains[1 - number]))
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
            source, target = domains if direction == "ab" else domains[::-1]
            made = torch.cat([model.translate(x, direction) for x in source.split(50)])
            say(recipe, direction, made, steps=run.steps, **place)
            columns += [source[:16], made[:16], target[:16]]
        if arguments.sheet:
            rows = torch.stack(columns, dim=1).flatten(0, 1)
            save_sheet(rows, arguments.sheet, columns=len(columns))


if __name__ == "__main__":
    main()
