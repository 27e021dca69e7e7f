"""Windows' emojis to Apple's and back at 32×32: presets, and the baseline of doing nothing.

    reverie data get emoji
    python benchmarks/emoji.py [--minutes 10] [--sheet docs/emoji.png] [METHOD:PRESET ...]

Prints one JSON line for each preset and direction, on 300 code points that are not in the training
split: the Fréchet distance in the features of EfficientNet-Lite0 to 1,500 real emojis of the other
domain, and, against the target, the cosine distance of the features, the perceptual distance and
the mean absolute error. Before them the same of doing nothing, and of the targets themselves.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any, Literal

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
# The paper's options at a size that converges in this time.
TEXTBOOK = {"width": 32, "blocks": 4, "batch_size": 8, "jitter": 0.0, "flip": False,
            "discriminator_width": 32}  # fmt: skip
SHOWN = 16


def domains(split: Literal["train", "test"]) -> tuple[Tensor, Tensor]:
    """Emojis of domains A and B, [N, 3, H, W] in [-1, 1]; image i of A pairs with image i of B."""
    wanted = DataOptions(data="emoji", image_size=SIZE, split=split, channels="3")
    images = decode_dataset(find_dataset(wanted, "paired"))
    assert images.domain_b is not None
    return whole(images), whole(images.domain_b)


def features_of(images: Tensor) -> Features:
    return extract_features("efficientnet", images.split(50))


def figures(made: Tensor, target: Tensor, real: Moments) -> dict[str, float]:
    """Metrics of translated images against their targets, and against moments of real images."""
    ours, theirs = features_of(made), features_of(target)
    cosine = 1 - torch.cosine_similarity(ours.features, theirs.features)
    parts = zip(made.split(50), target.split(50), strict=True)
    perceived = torch.cat([perceptual_distance("efficientnet", a, b) for a, b in parts])
    distance = frechet_distance(Moments.of(ours.features), real)
    return {
        f"frechet_distance[efficientnet, {len(made)} against {REAL}]": round(distance, 1),
        "cosine_distance": round(float(cosine.mean()), 3),
        "perceptual_distance": round(float(perceived.mean()), 3),
        "mean_absolute_error": round(float((made - target).abs().mean()), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("recipes", nargs="*", default=RECIPES)
    parser.add_argument("--minutes", type=float, help="instead of each preset's own length")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--out", type=Path, default=None, help="keep the runs here; evaluate those that exist"
    )
    parser.add_argument(
        "--sheet", type=Path, default=None, help="rows of source, translations and target"
    )
    arguments = parser.parse_args()
    test, train = domains("test"), domains("train")
    real = [Moments.of(features_of(images[:REAL]).features) for images in train]
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
