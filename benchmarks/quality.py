"""Train methods on the same data for the same minutes and measure what they make.

    python benchmarks/quality.py [--data digits] [--minutes 3] [METHOD:PRESET[:option=value;...]]

`--data` is `digits`, or a folder with Fashion-MNIST's IDX files (Debian's dataset-fashion-mnist).
Prints one JSON line for each recipe: distance, precision and recall of 2,000 samples against 2,000
test pictures in the named features (those of the digit classifier, or of EfficientNet-Lite0), and
for conditional methods the share of 1,000 samples that a classifier recognises as the label that
was asked for. For data other than digits a classifier is trained first, on the training pictures.
"""

import argparse
import ast
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

import reverie
from reverie.core.image_io import save_sheet, to_tensor
from reverie.data import Batches, DataOptions, ImageDataset, open_dataset
from reverie.evaluation.metrics.digits import DigitClassifier, recognised
from reverie.evaluation.metrics.features import Features, extract_features
from reverie.evaluation.samples import compare_features, default_features
from reverie.inference.model import Model
from reverie.runs.environment import commit, machine

EVERY = [
    "vae:digits-20",
    "gan:digits-64",
    "dcgan:paper",
    "dcgan:digits",
    "cgan:paper",
    "cgan:digits",
    "diffusion:digits",
]
COUNT = 2000
SHOWN = ("frechet_distance", "kernel_distance", "precision", "recall", "density", "coverage")

Recognise = Callable[[Tensor], Tensor]
"""From pictures to the classes that a classifier sees in them."""


def some(pictures: ImageDataset, count: int = COUNT) -> Tensor:
    """The first pictures of a set."""
    return to_tensor(pictures.read(torch.arange(min(count, len(pictures))).numpy()))


def trained_classifier(data: str, minutes: float) -> tuple[Recognise, float]:
    """A small classifier of 28×28 pictures, and the share of test pictures that it recognises."""
    torch.manual_seed(0)
    network = DigitClassifier().to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(network.parameters(), 3e-3, weight_decay=0.02, fused=True)
    train, test = (open_dataset(DataOptions(data=data, split=s)) for s in ("train", "test"))
    started = time.monotonic()
    for batch in Batches(train, 128, 0).stream(0, ahead=False):
        share = (time.monotonic() - started) / (60 * minutes)
        if share >= 1:
            break
        optimiser.param_groups[0]["lr"] = 3e-3 * (1 - share)
        assert batch.labels is not None
        F.cross_entropy(network(batch.images), batch.labels).backward()
        optimiser.step()
        optimiser.zero_grad()
    network.eval()

    @torch.inference_mode()
    def recognise(pictures: Tensor) -> Tensor:
        return torch.cat([network(part).argmax(1) for part in pictures.split(500)])

    right = recognise(some(test, len(test))) == torch.from_numpy(test.labels)
    return recognise, right.float().mean().item()


def quality(model: Model, real: Features, features: str, recognise: Recognise) -> dict[str, Any]:
    """Every figure of one model; a diffusion model also with the sampler that corrects itself."""
    plain: dict[str, dict[str, Any]] = {"": {}}
    if model.method_name == "diffusion":
        plain["ddpm "] = {"sampler": "ddpm"}
    figures: dict[str, Any] = {}
    for name, options in plain.items():
        seen = extract_features(features, [model.sample(COUNT, seed=0, **options)])
        said = compare_features(seen, real, features, str(COUNT), "test")
        kept = {k: v for k, v in said.items() if k.split("[")[0] in SHOWN}
        figures |= {name + key: round(value, 4) for key, value in kept.items()}
    asked = model.labels(1000)
    if asked is not None:
        for guidance in (1.0, 2.0) if model.method_name == "diffusion" else (1.0,):
            options = {"guidance": guidance} if guidance != 1.0 else {}
            right = recognise(model.sample(1000, seed=0, **options)) == asked
            figures[f"label_accuracy[1k, guidance {guidance}]"] = right.float().mean().item()
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipes", nargs="*", default=EVERY)
    parser.add_argument("--data", default="digits")
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=None, help="keep the runs in this folder")
    arguments = parser.parse_args()
    features = default_features(DataOptions(data=arguments.data))
    test = open_dataset(DataOptions(data=arguments.data, split="test"))
    real = extract_features(features, [some(test)])
    recognise: Recognise = recognised
    place = {"data": arguments.data, "minutes": arguments.minutes, "seed": arguments.seed}
    place |= {"machine": machine(), "commit": commit()}
    if arguments.data != "digits":
        recognise, right = trained_classifier(arguments.data, 1.5)
        place["classifier_accuracy"] = round(right, 4)
    for recipe in arguments.recipes:
        method, preset, *rest = recipe.split(":", 2)
        options: dict[str, Any] = {"data": arguments.data, "minutes": arguments.minutes}
        for word in rest[0].split(";") if rest else []:
            name, value = word.split("=")
            options[name] = ast.literal_eval(value)
        if "steps" in options:
            del options["minutes"]
        with tempfile.TemporaryDirectory() as folder:
            out = (arguments.out or Path(folder)) / recipe.replace(":", "-")
            run = reverie.train(method, preset=preset, out=out, seed=arguments.seed, **options)
            model = run.load()
            if arguments.out:
                save_sheet(model.sample(40, seed=0), out / "sheet.png", columns=10)
            figures = quality(model, real, features, recognise)
        print(json.dumps({"recipe": recipe, "steps": run.steps} | figures | place), flush=True)


if __name__ == "__main__":
    main()
