"""Train methods on the built-in digits for the same minutes and measure what they make.

    python benchmarks/digits_quality.py [--minutes 2.5] [METHOD:PRESET[:option=value;...] ...]

Prints one JSON line for each: the Fréchet distance to the 2,000 test digits in the features of the
digit classifier, with its count, and for conditional methods the share of 1,000 samples that the
classifier recognises as the label that was asked for.
"""

import argparse
import ast
import json
import tempfile
from pathlib import Path
from typing import Any

import torch

import reverie
from reverie.api import Model
from reverie.data import DataOptions, open_pictures
from reverie.images import to_tensor
from reverie.metrics.digits import digit_features, recognised
from reverie.metrics.frechet import Moments, frechet_distance
from reverie.runs import commit, machine

EVERY = [
    "vae:digits-20",
    "gan:digits-64",
    "dcgan:paper",
    "dcgan:digits",
    "cgan:paper",
    "cgan:digits",
    "diffusion:digits",
]
DISTANCE = "frechet_distance[digits, 2k, test]"


def test_moments() -> Moments:
    """The moments of the test digits' features."""
    test = open_pictures(DataOptions(data="digits", split="test"))
    return Moments.of(digit_features(to_tensor(test.read(torch.arange(len(test)).numpy()))))


def quality(model: Model, real: Moments | None = None) -> dict[str, float]:
    """The distance of 2,000 samples and, where labels can be asked for, how many are right."""
    pictures = model.sample(2000, seed=0)
    features = digit_features(pictures)
    guided = {"guidance": 2.0} if model.method_name == "diffusion" else {}
    figures = {DISTANCE: round(frechet_distance(Moments.of(features), real or test_moments()), 3)}
    if model.class_names:
        asked = model.labels(1000)
        assert asked is not None
        if guided:
            pictures = model.sample(1000, seed=0, **guided)
            figures["guidance"] = 2.0
        right = (recognised(pictures[:1000]) == asked).float().mean().item()
        figures["label_accuracy[1k]"] = round(right, 4)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipes", nargs="*", default=EVERY)
    parser.add_argument("--minutes", type=float, default=2.5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=None, help="keep the runs in this folder")
    arguments = parser.parse_args()
    real = test_moments()
    place = {"machine": machine(), "commit": commit(), "minutes": arguments.minutes}
    for recipe in arguments.recipes:
        method, preset, *rest = recipe.split(":", 2)
        options: dict[str, Any] = {"data": "digits", "minutes": arguments.minutes}
        for word in rest[0].split(";") if rest else []:
            name, value = word.split("=")
            options[name] = ast.literal_eval(value)
        if "steps" in options:
            del options["minutes"]
        with tempfile.TemporaryDirectory() as folder:
            out = (arguments.out or Path(folder)) / recipe.replace(":", "-")
            run = reverie.train(method, preset=preset, out=out, seed=arguments.seed, **options)
            figures = quality(run.load(), real)
        print(json.dumps({"recipe": recipe, "steps": run.steps} | figures | place), flush=True)


if __name__ == "__main__":
    main()
