"""How good pictures are: a model against data, or one folder against another.

Every figure's name carries the features, the number of pictures and the split.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from reverie import images, progress
from reverie.data import DataOptions, Pictures, open_pictures
from reverie.errors import UserError
from reverie.files import write_aside
from reverie.metrics.features import Seen, find_features, see
from reverie.metrics.frechet import Moments, frechet_distance
from reverie.metrics.kernel import kernel_distance
from reverie.metrics.prdc import prdc
from reverie.model import Model

MOST_FOR_NEIGHBOURS = 5000
AT_ONCE = 250
NEIGHBOURS_SHOWN = 12


def evaluate_model(
    model: Model,
    data: DataOptions,
    *,
    count: int | None = None,
    features: str | None = None,
    seed: int = 0,
    grid: Path | None = None,
    **sampling: Any,
) -> dict[str, Any]:
    """Compare samples of a model with pictures.

    Args:
        model: makes pictures from noise.
        data: the pictures; by their test split where they are divided.
        count: how many samples; by default as many as there are pictures, 10,000 at most.
        features: `digits`, `efficientnet` or `inception`; by default what fits the data.
        seed: the number of the first sample.
        grid: where to write samples beside their nearest training pictures.
        **sampling: passed to `Model.sample`.

    Raises:
        UserError: if there are too few pictures for the figures.
    """
    name = features or ("digits" if data.data == "digits" else "efficientnet")
    find_features(name)
    spec = model.method.spec
    real = open_pictures(_like(data, spec.image_size, spec.channels))
    count = count or min(len(real), 10_000)
    labels = model.labels(count)
    pictures = model.sample(count, seed=seed, **sampling)
    fake_seen = see(name, _shown(pictures, f"looking at samples ({name})"))
    real_seen = see(name, _shown(real, f"looking at pictures ({name})"))
    figures = compare_seen(fake_seen, real_seen, name, f"{count}", data.split)
    if name == "digits" and labels is not None:
        right = fake_seen.logits.argmax(1) == labels
        figures[f"label_accuracy[{name}, {count}]"] = right.float().mean().item()
        for number, class_name in enumerate(model.class_names):
            share = right[labels == number].float().mean().item()
            figures[f"label_accuracy[{name}, class {class_name}]"] = share
    if labels is not None and real.labels is not None:
        figures |= _per_class(fake_seen, real_seen, labels, real, name, data.split)
    if grid is not None:
        train = open_pictures(_like(data, spec.image_size, spec.channels, split="train"))
        write_neighbours(pictures, train, name, grid)
    return figures


def evaluate_folders(
    one: DataOptions, other: DataOptions, *, features: str | None = None
) -> dict[str, Any]:
    """Compare two sets of pictures: `one` is judged, `other` is what it should be like."""
    name = features or "efficientnet"
    judged, real = open_pictures(one), open_pictures(other)
    fake_seen, real_seen = (
        see(name, _shown(p, f"looking at pictures ({name})")) for p in (judged, real)
    )
    return compare_seen(fake_seen, real_seen, name, f"{len(judged)}", other.split)


def compare_seen(fake: Seen, real: Seen, name: str, count: str, split: str) -> dict[str, float]:
    """Every figure that two sets of features give.

    Raises:
        UserError: if there are too few of them.
    """
    about = f"[{name}, {count}, {split}]"
    frechet = "FID" if name == "inception" else "frechet_distance"
    kernel_name = "KID" if name == "inception" else "kernel_distance"
    generator = torch.Generator().manual_seed(0)
    distance = frechet_distance(Moments.of(fake.features), Moments.of(real.features))
    kernel = kernel_distance(fake.features, real.features, generator)
    near = prdc(real.features[:MOST_FOR_NEIGHBOURS], fake.features[:MOST_FOR_NEIGHBOURS])
    figures = {
        f"{frechet}{about}": distance,
        f"{kernel_name}{about}": kernel.mean,
        f"{kernel_name}_standard_error{about}": kernel.standard_error,
    }
    figures |= {f"{key}{about}": value for key, value in asdict(near).items()}
    return figures | {f"inception_score{about}": inception_score(fake.logits)}


def inception_score(logits: Tensor) -> float:
    """exp E KL(p(y|x) ‖ p(y)): Salimans et al. 2016; clear pictures of all classes score high."""
    log_p = logits.double().log_softmax(1)
    log_mean = log_p.exp().mean(0).log()
    return float((log_p.exp() * (log_p - log_mean)).sum(1).mean().exp())


def _per_class(
    fake: Seen, real: Seen, labels: Tensor, pictures: Pictures, name: str, split: str
) -> dict[str, float]:
    figures = {}
    assert pictures.labels is not None
    real_labels = torch.from_numpy(pictures.labels)
    for number, class_name in enumerate(pictures.spec.class_names):
        sets = fake.features[labels == number], real.features[real_labels == number]
        if min(map(len, sets)) >= 2:
            distance = frechet_distance(*map(Moments.of, sets))
            about = f"[{name}, class {class_name}, {len(sets[0])}, {split}]"
            figures[f"frechet_distance{about}"] = distance
    return figures


def write_neighbours(pictures: Tensor, train: Pictures, name: str, path: Path) -> None:
    """A sheet of samples, each beside its five nearest training pictures: is it memorising?"""
    shown = pictures[:NEIGHBOURS_SHOWN]
    known = see(name, _shown(train, f"looking at training pictures ({name})")).features
    nearest = torch.cdist(see(name, [shown]).features, known).topk(5, largest=False).indices
    rows = [
        torch.cat([sample[None], images.to_tensor(train.read(indices.numpy()))])
        for sample, indices in zip(shown, nearest, strict=True)
    ]
    images.save_sheet(torch.cat(rows), path, columns=6)


def _like(data: DataOptions, size: int, channels: int, **changes: Any) -> DataOptions:
    """The same data at a model's size and colours."""
    colours: Any = str(channels)
    return replace(data, image_size=size, channels=colours, **changes)


def _shown(pictures: Pictures | Tensor, label: str) -> Iterator[Tensor]:
    """Pictures in batches, with progress."""
    count = len(pictures)
    starts = range(0, count, AT_ONCE)
    for first in progress.track(starts, len(starts), label, f"batches of {AT_ONCE}"):
        if isinstance(pictures, Tensor):
            yield pictures[first : first + AT_ONCE]
        else:
            indices = np.arange(first, min(first + AT_ONCE, count))
            yield images.to_tensor(pictures.read(indices))


def write_figures(figures: dict[str, Any], out: Path) -> None:
    """Write figures as JSON.

    Raises:
        UserError: if `out` does not end in .json.
    """
    if out.suffix != ".json":
        raise UserError(f"{out}: figures are written as .json.")
    write_aside(out, json.dumps(figures, indent=1) + "\n")
