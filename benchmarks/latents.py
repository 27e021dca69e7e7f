"""Latent arithmetic: the literature's three sums on drawn faces, evaluated by a classifier.

    reverie data get faces
    reverie train vae --preset faces-small --out runs/faces-vae
    reverie train dcgan --preset faces-small --out runs/faces
    reverie train encoder --preset faces-small --init runs/faces --out runs/faces-encoder
    python benchmarks/latents.py runs/faces-vae runs/faces-encoder [--sheets docs]

A classifier of the attributes is trained on the training split (its accuracy on the test split is
printed). For each model and sum there are 100 results, each of other exemplars: the share in which
the classifier finds the expected attributes, and the share in which the other attributes are those
of all groups. Then GAN inversion: the correlation of predicted and true latents of generated
images, and the reconstruction error of test faces beside that of the nearest training face. Then
sweeps: the rank correlation of an attribute's strength with the classifier's probability over 300
faces, and in each face; the share of faces without the attribute that have it at strength 1, and of
faces with it that lack it at -1.
"""

import argparse
import json
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import Tensor, nn
from torch.nn import functional as F

from reverie import images
from reverie.core import progress
from reverie.core.files import write_atomic
from reverie.core.rng import latents_of_seeds
from reverie.data.attributes import Attributes, read_attributes
from reverie.data.expressions import parse_sum
from reverie.inference.latent.edit import (
    DirectionKind,
    apply_directions,
    attribute_directions,
    latent_arithmetic,
    latent_neighborhood,
    optimize_latents,
)
from reverie.inference.latent.files import load_encoding
from reverie.inference.latent.sheets import rows_sheet, sum_sheet
from reverie.inference.model import Model
from reverie.runs.environment import machine

SIZE, TIMES, FACES, STEPS = 32, 100, 300, 1500
SUMS = {
    "men without glasses + people with glasses - people without": (
        "Male & !Eyeglasses & {s} & {h} & !Mustache + Eyeglasses & {s} & {h} & !Mustache"
        " - !Eyeglasses & {s} & {h} & !Mustache",
        {"Male": True, "Eyeglasses": True},
        ("Smiling", "Wearing_Hat"),
    ),
    "men with glasses - men without + women without": (
        "Male & Eyeglasses & {s} & {h} & !Mustache - Male & !Eyeglasses & {s} & {h} & !Mustache"
        " + !Male & !Eyeglasses & {s} & {h}",
        {"Male": False, "Eyeglasses": True},
        ("Smiling", "Wearing_Hat"),
    ),
    "smiling men + hat - no hat + mustache - no mustache": (
        "Smiling & Male & !Wearing_Hat & !Mustache & {g} + Wearing_Hat & Male & {g}"
        " - !Wearing_Hat & Male & {g} + Mustache & Male & {g} - !Mustache & Male & {g}",
        {"Smiling": True, "Male": True, "Wearing_Hat": True, "Mustache": True},
        ("Eyeglasses",),
    ),
}
KINDS: tuple[DirectionKind, ...] = get_args(DirectionKind)
LETTERS = {"Smiling": "s", "Wearing_Hat": "h", "Eyeglasses": "g"}


def images_of(attributes: Attributes) -> Tensor:
    """All images of a dataset, [N, 3, H, W] in [-1, 1]."""
    count = len(attributes)
    read = progress.track(range(count), count, "reading")
    return images.to_tensor(np.stack([attributes.read(i, SIZE, 3) for i in read]))


def train_classifier(faces: Tensor, has: Tensor) -> nn.Module:
    """A convolutional classifier: one logit for each attribute of a face."""
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    now = 3
    for width in (32, 64, 96):
        layers += [
            nn.Conv2d(now, width, 3, 1, 1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]
        now = width
    network = nn.Sequential(
        *layers, nn.Flatten(), nn.Dropout(0.2), nn.Linear(96 * 16, has.shape[1])
    )
    optimiser = torch.optim.Adam(network.parameters(), 2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, STEPS)
    generator = torch.Generator().manual_seed(0)
    for _ in progress.track(range(STEPS), STEPS, "classifier", "steps"):
        rows = torch.randint(len(faces), (64,), generator=generator)
        noisy = faces[rows] + 0.1 * torch.randn(64, 3, SIZE, SIZE, generator=generator)
        loss = F.binary_cross_entropy_with_logits(network(noisy), has[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return network.eval().requires_grad_(False)


def sums(
    model: Model, train: Attributes, classifier: nn.Module, exemplars: int, sheets: Path | None
) -> None:
    """Print the shares of sums that come out as expected; write the first sheet of each."""
    for number, (name, (pattern, expected, others)) in enumerate(SUMS.items()):
        correct, unchanged = [], []
        for seed in progress.track(range(TIMES), TIMES, "sums", "sums"):
            toss = np.random.default_rng(seed)
            wanted = {other: bool(toss.random() < 0.5) for other in others}
            words = {LETTERS[o]: f"{'' if yes else '!'}{o}" for o, yes in wanted.items()}
            terms = parse_sum(pattern.format(**words), train.names)
            total = latent_arithmetic(model, train, terms, exemplars, seed)
            has = classifier(model.generate(total.latent[None]))[0] > 0
            shown = dict(zip(train.names, has.tolist(), strict=True))
            correct.append(all(shown[a] == yes for a, yes in expected.items()))
            unchanged.append(all(shown[a] == yes for a, yes in wanted.items()))
            if sheets and seed == 0:
                means = model.generate(torch.stack([one.mean for one in total.terms]))
                nine = model.generate(latent_neighborhood(total.latent, 0.2, 0))
                sheet = sum_sheet(total, means, nine)
                write_atomic(sheets / f"latents-{number + 1}.png", images.encode(sheet))
        row = {"model": model.name, "sum": name, "exemplars": exemplars}
        row |= {"expected": np.mean(correct).item(), "others_unchanged": np.mean(unchanged).item()}
        print(json.dumps(row), flush=True)


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
    parser.add_argument("--exemplars", type=int, nargs="*", default=[3, 16, 64])
    parser.add_argument("--sheets", type=Path, default=None, help="sheets of the first model")
    arguments = parser.parse_args()
    train, test = read_attributes("faces", "train"), read_attributes("faces", "test")
    train_faces, test_faces = images_of(train), images_of(test)
    classifier = train_classifier(train_faces, torch.from_numpy(train.values).float())
    has = torch.cat([classifier(x) for x in test_faces.split(500)]) > 0
    accuracy = (has.numpy() == test.values).mean(0)
    print(json.dumps({"classifier": dict(zip(train.names, accuracy.round(4).tolist(), strict=True))}
                     | {"machine": machine()}), flush=True)  # fmt: skip
    for number, place in enumerate(arguments.models):
        model = load_encoding(place)
        sheets = arguments.sheets if number == 0 else None
        for exemplars in arguments.exemplars:
            sums(model, train, classifier, exemplars, sheets)
        reconstruction(model, train_faces, test_faces[:FACES])
        for kind in KINDS:
            sheet = sheets if kind == "means" else None
            sweeps(model, train, test_faces, test.values, classifier, kind, sheet)


if __name__ == "__main__":
    main()
