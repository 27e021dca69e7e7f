"""Metrics by the statistics of reference images, which then need not be there."""

import torch

from reverie.core.errors import UserError
from reverie.core.failures import Failures
from reverie.core.image_size import Size
from reverie.data import DataOptions
from reverie.evaluation.metrics.features import Features
from reverie.evaluation.metrics.frechet import Moments, frechet_distance
from reverie.evaluation.reference import Reference
from reverie.evaluation.samples import (
    compare_features,
    features_of,
    frechet_name,
    inception_score,
    label_accuracy,
    like,
    open_recorded,
    per_class,
    sampled_features,
)
from reverie.inference.model import Model
from reverie.inference.options import DenoisingOptions
from reverie.methods import Samples
from reverie.methods.capabilities import require


def evaluate_against(
    model: Model,
    reference: Reference,
    *,
    count: int | None = None,
    seed: int = 0,
    sampling: DenoisingOptions | None = None,
) -> dict[str, float]:
    """Metrics of a model's samples by the statistics of reference images; see `evaluate_model`.

    Raises:
        UserError: if the statistics are of images of another size or number of channels.
    """
    spec = model.method.spec
    require(model.method, Samples, model.name)
    if reference.size not in (None, spec.size.option) or reference.channels not in (
        None,
        spec.channels,
    ):
        raise UserError(
            f"the statistics are of images of {Size.of(reference.size)} with {reference.channels} "
            f"channels, and {model.name} makes {spec.size} with {spec.channels}: write them for "
            "this model with --save-stats."
        )
    count = min(reference.count or 10_000, 10_000) if count is None else count
    _, fake = sampled_features(model, reference.network, count, seed, sampling)
    figures = compare_with(fake, reference, f"{count}")
    labels = model.labels(count)
    if labels is not None:
        figures |= label_accuracy(fake, labels, model.class_names, reference.network, count)
    real, real_labels, names = reference.features, reference.labels, reference.class_names
    are_same = names == tuple(model.class_names)
    if labels is not None and real is not None and real_labels is not None and are_same:
        figures |= per_class(
            fake, labels, real, real_labels, names, reference.network, reference.split
        )
    return figures


def evaluate_folder_against(
    one: DataOptions, reference: Reference, *, failures: Failures | None = None
) -> dict[str, float]:
    """Evaluate a dataset by the statistics of reference images, at the size of these."""
    if reference.size is not None and reference.channels is not None:
        one = like(one, reference.size, reference.channels)
    judged = open_recorded(one, failures)
    return compare_with(features_of(reference.network, judged), reference, f"{len(judged)}")


def compare_with(fake: Features, reference: Reference, count: str) -> dict[str, float]:
    """All metrics that the statistics of reference images allow; see `compare_features`."""
    name, split = reference.network, reference.split
    if reference.features is not None:
        real = Features(reference.features, torch.empty(0, 0))
        return compare_features(fake, real, name, count, split)
    about = f"[{name}, {count}, {split}]"
    distance = frechet_distance(Moments.of(fake.features), reference.moments)
    return {
        f"{frechet_name(name)}{about}": distance,
        f"inception_score{about}": inception_score(fake.logits),
    }
