"""Train methods on the same dataset for the same minutes, and evaluate their samples.

    python benchmarks/quality.py [--data digits] [--minutes 3] [METHOD:PRESET[:option=value;...]]

`--data` is `digits`, or a folder with Fashion-MNIST's IDX files (Debian's dataset-fashion-mnist).
Prints one JSON line for each preset: distances, precision and recall of 2,000 samples against 2,000
test images in the named features (those of the digit classifier, or of EfficientNet-Lite0), and for
conditional methods the share of 1,000 samples that a classifier assigns to the requested label. For
data other than digits, a classifier is trained on the training split first.
"""

import argparse
import ast
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
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
"""From images to the classes that a classifier assigns to them."""


def first_images(dataset: ImageDataset, count: int = COUNT) -> Tensor:
    """The first images of a dataset, in [-1, 1]."""
    return to_tensor(dataset.read(np.arange(min(count, len(dataset)))))


def trained_classifier(data: str, minutes: float) -> tuple[Recognise, float]:
    """A small classifier of 28×28 images, and its accuracy on the test split."""
    torch.manual_seed(0)
    network = DigitClassifier()
    network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
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
    def recognise(images: Tensor) -> Tensor:
        return torch.cat([network(part).argmax(1) for part in images.split(500)])

    assert test.labels is not None
    right = recognise(first_images(test, len(test))) == torch.from_numpy(test.labels)
    return recognise, right.float().mean().item()


def quality(model: Model, real: Features, features: str, recognise: Recognise) -> dict[str, Any]:
    """All figures of one model; of a diffusion model also with the stochastic sampler ddpm."""
    samplings: dict[str, dict[str, Any]] = {"": {}}
    if model.method_name == "diffusion":
        samplings["ddpm "] = {"sampler": "ddpm"}
    figures: dict[str, Any] = {}
    for name, options in samplings.items():
        samples = extract_features(features, [model.sample(COUNT, seed=0, **options)])
        compared = compare_features(samples, real, features, str(COUNT), "test")
        kept = {k: v for k, v in compared.items() if k.split("[")[0] in SHOWN}
        figures |= {name + key: round(value, 4) for key, value in kept.items()}
    labels = model.labels(1000)
    if labels is not None:
        for guidance in (1.0, 2.0) if model.method_name == "diffusion" else (1.0,):
            scale = guidance if guidance != 1.0 else None
            right = recognise(model.sample(1000, seed=0, guidance=scale)) == labels
            figures[f"label_accuracy[1k, guidance {guidance}]"] = right.float().mean().item()
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("recipes", nargs="*", default=EVERY)
    parser.add_argument("--data", default="digits")
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=None, help="keep the runs in this folder")
    arguments = parser.parse_args()
    features = default_features(DataOptions(data=arguments.data))
    test = open_dataset(DataOptions(data=arguments.data, split="test"))
    real = extract_features(features, [first_images(test)])
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
