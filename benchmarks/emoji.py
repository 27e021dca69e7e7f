"""Windows' emojis to Apple's and back at 32×32: recipes beside each other and beside doing nothing.

    reverie data get emoji
    python benchmarks/emoji.py [--minutes 10] [--sheet docs/emoji.png] [METHOD:PRESET ...]

Prints one JSON line for each recipe and direction, on 300 code points that no training has seen:
the Fréchet distance in the features of EfficientNet-Lite0 to 1,500 real emojis of the other maker,
and, against the true counterpart, the cosine distance of the features, the perceptual distance and
the mean absolute error. Before them come doing nothing, and real emojis of the other maker.
"""

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import reverie
from reverie.core.image_io import save_sheet
from reverie.data import DataOptions
from reverie.data.dataset import decode_dataset, find_dataset
from reverie.evaluation.metrics.features import Features, extract_features
from reverie.evaluation.metrics.frechet import Moments, frechet_distance
from reverie.evaluation.metrics.paired import perceptual_distance
from reverie.evaluation.translation import whole
from reverie.runs.environment import commit, machine
from reverie.runs.run import Run

SIZE, REAL = 32, 1500
RECIPES = ["cyclegan:paper", "cyclegan:emoji-small", "cut:emoji-small", "pix2pix:emoji-small"]
# The textbook's recipe at a size that learns in this time, as it was first tried here.
TEXTBOOK = {"width": 32, "blocks": 4, "batch_size": 8, "jitter": 0.0, "flip": False,
            "discriminator_width": 32}  # fmt: skip
SHOWN = 16

PretrainedTranslator = Callable[[Tensor], Tensor]


def sides(split: str) -> tuple[Tensor, Tensor]:
    """Both makers' emojis, those of one code point at the same place."""
    wanted = DataOptions(data="emoji", image_size=SIZE, split=split, channels="3")
    pictures = decode_dataset(find_dataset(wanted, "paired"))
    assert pictures.domain_b is not None
    return whole(pictures), whole(pictures.domain_b)


def seen(pictures: Tensor) -> Features:
    return extract_features("efficientnet", pictures.split(50))


def figures(made: Tensor, truth: Tensor, real: Moments) -> dict[str, float]:
    ours, theirs = seen(made), seen(truth)
    cosine = 1 - torch.cosine_similarity(ours.features, theirs.features)
    parts = zip(made.split(50), truth.split(50), strict=True)
    perceived = torch.cat([perceptual_distance("efficientnet", a, b) for a, b in parts])
    distance = frechet_distance(Moments.of(ours.features), real)
    return {
        f"frechet_distance[efficientnet, {len(made)} against {REAL}]": round(distance, 1),
        "cosine_distance": round(float(cosine.mean()), 3),
        "perceptual_distance": round(float(perceived.mean()), 3),
        "mean_absolute_error": round(float((made - truth).abs().mean()), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipes", nargs="*", default=RECIPES)
    parser.add_argument("--minutes", type=float, help="instead of each preset's own length")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--out", type=Path, default=None, help="keep the runs here; measure old ones"
    )
    parser.add_argument("--sheet", type=Path, default=None, help="rows of source, made and truth")
    arguments = parser.parse_args()
    test, train = sides("test"), sides("train")
    real = [Moments.of(seen(side[:REAL]).features) for side in train]
    place = {"machine": machine(), "commit": commit()}

    def say(name: str, direction: str, made: Tensor, **more: Any) -> None:
        target = 1 if direction == "ab" else 0
        row = {"recipe": name, "direction": direction} | figures(made, test[target], real[target])
        print(json.dumps(row | more), flush=True)

    columns = [test[0], test[1]]
    for number, direction in enumerate(("ab", "ba")):
        say("doing nothing", direction, test[number])
        say("real emojis", direction, test[1 - number])
    for recipe in arguments.recipes:
        method, preset = recipe.split(":")
        options: dict[str, Any] = {"data": "emoji", "image_size": SIZE}
        options["seed"] = arguments.seed
        if arguments.minutes is not None:
            options["minutes"] = arguments.minutes
        if preset == "paper":
            options |= TEXTBOOK
        with tempfile.TemporaryDirectory() as folder:
            out = (arguments.out or Path(folder)) / recipe.replace(":", "-")
            if not Run(out).model.exists():
                reverie.train(method, preset=preset, out=out, **options)
            last = Run(out).read_log()[-1]
            model = reverie.load(out)
        for direction in model.method.directions:  # type: ignore[attr-defined]
            source = test[0 if direction == "ab" else 1]
            made = torch.cat([model.translate(x, direction) for x in source.split(50)])
            say(recipe, direction, made, steps=last["step"], seconds=last["seconds"], **place)
            if direction == "ab":
                columns.insert(-1, made)
    if arguments.sheet:
        chosen = torch.linspace(0, len(test[0]) - 1, SHOWN).long()
        rows = torch.stack([column[chosen] for column in columns], dim=1).flatten(0, 1)
        save_sheet(rows, arguments.sheet, columns=len(columns))


if __name__ == "__main__":
    main()
