"""GAN inversion and attribute sweeps on drawn faces, evaluated by a classifier.

    reverie data get faces
    reverie train vae --preset faces-small --out runs/faces-vae
    reverie train dcgan --preset faces-small --out runs/faces
    reverie train encoder --preset faces-small --init runs/faces --out runs/faces-encoder
    python benchmarks/latents.py runs/faces-vae runs/faces-encoder [--sheets docs]

A classifier of the attributes is trained on the training split (its accuracy on the test split is
printed). For each model: GAN inversion, as the correlation of predicted and true latents of
generated images, and the reconstruction error of test faces beside that of the nearest training
face; then sweeps: the rank correlation of an attribute's strength with the classifier's probability
over 300 faces, and in each face; the share of faces without the attribute that have it at strength
1, and of faces with it that lack it at -1. (The sums: `reverie reproduce face-sums`.)
"""

import argparse
import json
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import Tensor, nn

from reverie import images
from reverie.core.files import write_atomic
from reverie.core.rng import latents_of_seeds
from reverie.data.attributes import Attributes, read_attributes
from reverie.evaluation.attributes import read_images, train_attribute_classifier
from reverie.inference.latent.edit import (
    DirectionKind,
    apply_directions,
    attribute_directions,
    optimize_latents,
)
from reverie.inference.latent.files import load_encoding
from reverie.inference.latent.sheets import rows_sheet
from reverie.inference.model import Model
from reverie.runs.environment import machine

SIZE, FACES = 32, 300
KINDS: tuple[DirectionKind, ...] = get_args(DirectionKind)


def reconstruction(model: Model, train: Tensor, test: Tensor) -> None:
    """Print how well latents are predicted, and the reconstruction errors of test faces."""
    z = latents_of_seeds(range(10_000, 10_000 + FACES), model.method.latent_shape)  # type: ignore[attr-defined]
    predicted = model.encode(model.generate(z))
    pairs = zip(z.T, predicted.T, strict=True)
    correlation = np.mean([np.corrcoef(a, b)[0, 1] for a, b in pairs])
    encoded = model.encode(test)
    refined = optimize_latents(model, test, encoded, 100)
    errors = {
        name: float((model.generate(latents) - test).abs().mean())
        for name, latents in (("encoder", encoded), ("refined", refined))
    }
    nearest = torch.stack(
        [
            torch.cdist(test.flatten(1), part.flatten(1), p=1).min(1).values
            for part in train.split(1000)
        ]
    )
    errors["nearest_training_face"] = float(nearest.min(0).values.mean() / test[0].numel())
    row = {"model": model.name, "latent_correlation": round(float(correlation), 3)}
    print(json.dumps(row | {f"error_{k}": round(v, 4) for k, v in errors.items()}), flush=True)


def rank_correlation(strengths: np.ndarray, values: np.ndarray) -> float:
    """Spearman's rank correlation."""
    return float(np.asarray(spearmanr(strengths, values))[0])


def sweeps(
    model: Model,
    train: Attributes,
    test: Tensor,
    has: np.ndarray,
    classifier: nn.Module,
    kind: DirectionKind,
    sheets: Path | None,
) -> None:
    """Print how each attribute follows its strength; write a sheet of the first face."""
    directions = attribute_directions(model, train, kind)
    latents = model.encode(test[:FACES])
    strengths = np.linspace(-1.5, 1.5, 7)
    rows = []
    for column, name in enumerate(train.names):
        logits = []
        for strength in strengths:
            moved = apply_directions(latents, directions, {name: float(strength)})
            logits.append(classifier(model.generate(moved))[:, column])
        by_face = torch.stack(logits, 1)  # [faces, strengths]
        mean = by_face.sigmoid().mean(0)
        each = np.mean([rank_correlation(strengths, face) for face in by_face.numpy()])
        overall = rank_correlation(strengths, mean.numpy())
        row = {"model": model.name, "sweep": name, "direction": kind}
        row |= {"accuracy": round(directions[name].accuracy, 3)}
        row |= {"added": round(float((by_face[~has[:FACES, column], 5] > 0).float().mean()), 2)}
        row |= {"removed": round(float((by_face[has[:FACES, column], 1] <= 0).float().mean()), 2)}
        row |= {"probability": [round(x, 2) for x in mean.tolist()]}
        row |= {"rank_correlation": round(overall, 3), "of_each_face": round(float(each), 3)}
        print(json.dumps(row), flush=True)
        moved = [apply_directions(latents[:1], directions, {name: float(s)}) for s in strengths]
        rows.append(list(model.generate(torch.cat(moved))))
    if sheets:
        sheet = rows_sheet(rows, [f"{s:+.1f}" for s in strengths], list(train.names))
        write_atomic(sheets / "latents-sweeps.png", images.encode(sheet))


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("models", nargs="+")
    parser.add_argument("--sheets", type=Path, default=None, help="sheets of the first model")
    arguments = parser.parse_args()
    train, test = read_attributes("faces", "train"), read_attributes("faces", "test")
    train_faces, test_faces = (read_images(part, SIZE) for part in (train, test))
    classifier = train_attribute_classifier(train, SIZE)
    print(json.dumps({"classifier": classifier.accuracy(test), "machine": machine()}), flush=True)
    for number, place in enumerate(arguments.models):
        model = load_encoding(place)
        sheets = arguments.sheets if number == 0 else None
        reconstruction(model, train_faces, test_faces[:FACES])
        for kind in KINDS:
            sheet = sheets if kind == "means" else None
            sweeps(model, train, test_faces, test.values, classifier.network, kind, sheet)


if __name__ == "__main__":
    main()
