"""Image-to-image translation metrics: against the target domain, and against paired targets.

Fréchet and kernel distances are between translated test images and the training images of the
target domain; where the test images are paired, each translation is also compared with its target.
The baseline is the untranslated source (`doing_nothing_`): a useful translator improves on it.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from reverie.core import image_io, progress
from reverie.core.errors import UserError
from reverie.core.failures import Failures
from reverie.data import DataOptions, ImageDataset, find_dataset
from reverie.data.dataset import decode_dataset
from reverie.evaluation.metrics.features import Features, extract_features
from reverie.evaluation.metrics.frechet import Moments, frechet_distance
from reverie.evaluation.metrics.kernel import kernel_distance
from reverie.evaluation.metrics.paired import perceptual_distance
from reverie.evaluation.samples import DEFAULT_FEATURES, like, record_broken
from reverie.inference.model import Model
from reverie.methods import Translates
from reverie.methods.capabilities import require

BATCH_SIZE = 50


def evaluate_translator(
    model: Model,
    data: DataOptions,
    *,
    features: str | None = None,
    failures: Failures | None = None,
) -> dict[str, float]:
    """Metrics of translated test images, in each direction that the model supports.

    Args:
        model: an image-to-image translation model.
        data: domains A and B, with a training and a test split.
        features: the feature network; by default EfficientNet.
        failures: records which images are damaged and left out.

    Raises:
        UserError: if the model does not translate, or the data lacks a domain.
    """
    directions = require(model.method, Translates, model.name).directions
    name = features or DEFAULT_FEATURES
    spec = model.method.spec
    wanted = like(replace(data, jitter=0.0, flip=False, resize="crop"), spec.image_size, 3)
    paired = True
    try:
        test = _sides(replace(wanted, split="test"), "paired")
    except UserError:
        test, paired = _sides(replace(wanted, split="test"), "unpaired"), False
    train = _sides(replace(wanted, split="train"), "unpaired")
    for images in (*test, *train):
        record_broken(images, failures)
    figures: dict[str, float] = {}
    for direction in directions:
        source, truth = test if direction == "ab" else test[::-1]
        real = train[1] if direction == "ab" else train[0]
        there = whole(source)
        parts = progress.track(there.split(16), -(-len(there) // 16), "translating", "batches")
        made = torch.cat([model.translate(x, direction) for x in parts])
        real_features = _seen(name, whole(real))
        true = whole(truth)
        true_features = _seen(name, true) if paired else None
        for what, images in (("", made.expand(-1, 3, -1, -1)), ("doing_nothing_", there)):
            seen = _seen(name, images)
            about = f"[{name}, {len(images)} {direction}, train]"
            generator = torch.Generator().manual_seed(0)
            kernel = kernel_distance(seen.features, real_features.features, generator)
            figures[f"{what}frechet_distance{about}"] = frechet_distance(
                Moments.of(seen.features), Moments.of(real_features.features)
            )
            figures[f"{what}kernel_distance{about}"] = kernel.mean
            if true_features is not None:
                cosine = 1 - torch.cosine_similarity(seen.features, true_features.features)
                about = f"[{name}, {len(true)} pairs {direction}]"
                figures |= {
                    f"{what}perceptual_distance{about}": _perceived(name, images, true),
                    f"{what}cosine_distance{about}": float(cosine.mean()),
                    f"{what}mean_absolute_error[{len(true)} pairs {direction}]": float(
                        (images - true).abs().mean()
                    ),
                }
    return figures


def _perceived(name: str, images: Tensor, truth: Tensor) -> float:
    pairs = zip(images.split(BATCH_SIZE), truth.split(BATCH_SIZE), strict=True)
    return float(torch.cat([perceptual_distance(name, a, b) for a, b in pairs]).mean())


def _seen(name: str, images: Tensor) -> Features:
    parts = images.split(BATCH_SIZE)
    return extract_features(
        name, progress.track(parts, len(parts), f"features ({name})", "batches")
    )


def _sides(data: DataOptions, sides: Any) -> tuple[ImageDataset, ImageDataset]:
    images = decode_dataset(find_dataset(data, sides))
    assert images.domain_b is not None
    return images, images.domain_b


def whole(images: ImageDataset) -> Float[Tensor, "n 3 h w"]:
    """All images of a dataset, in [-1, 1]."""
    return image_io.to_tensor(images.read(np.arange(len(images))))
