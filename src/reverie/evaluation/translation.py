"""Image-to-image translation metrics: against the target domain, and against paired targets.

Fréchet and kernel distances are between translated test images and the training images of the
target domain; where the test images are paired, each translation is also compared with its target.
The baseline is the untranslated source (`doing_nothing_`): a useful translator improves on it.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from reverie.core import image_io, progress
from reverie.core.errors import UserError
from reverie.core.failures import Failures
from reverie.core.image_size import ImageSize
from reverie.core.options import Direction
from reverie.core.result import counted
from reverie.data import DataOptions, ImageDataset, find_dataset
from reverie.data.dataset import decode_dataset
from reverie.evaluation.dataset_features import BATCH_SIZE, batches_of, dataset_features
from reverie.evaluation.metrics.features import extract_features, find_extractor, find_maps
from reverie.evaluation.metrics.frechet import Moments, frechet_distance
from reverie.evaluation.metrics.kernel import kernel_distance
from reverie.evaluation.metrics.paired import perceptual_distance
from reverie.evaluation.samples import DEFAULT_FEATURES, like, record_broken
from reverie.inference.model import Model
from reverie.methods import Translates
from reverie.methods.capabilities import require

PICTURES_AT_ONCE = 16


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
    find_extractor(name)
    test, train, paired = _test_and_train(data, model.method.spec.image_size)
    for images in (*test, *train):
        record_broken(images, failures)
    still: dict[str, float] = {}
    if paired:  # the same in both directions, since these distances are symmetric
        find_maps(name)
        still = _pair_figures(Viewed.of(name, test[0]), Viewed.of(name, test[1]), name)
    figures: dict[str, float] = {}
    for direction in directions:
        source, truth = test if direction == "ab" else test[::-1]
        real = dataset_features(name, train[1] if direction == "ab" else train[0]).features
        known = Moments.of(real)
        there = Viewed.of(name, source)
        made = _translated(model, direction, there.images, name)
        for what, seen in (("", made), ("doing_nothing_", there)):
            about = f"[{name}, {len(seen.images)} {direction}, train]"
            kernel = kernel_distance(seen.features, real, torch.Generator().manual_seed(0))
            figures[f"{what}frechet_distance{about}"] = frechet_distance(
                Moments.of(seen.features), known
            )
            figures[f"{what}kernel_distance{about}"] = kernel.mean
            if paired:
                pairs = (
                    still if seen is there else _pair_figures(made, Viewed.of(name, truth), name)
                )
                about = f"{counted(len(seen.images), 'pair')} {direction}]"
                figures |= {f"{what}{key}{about}": value for key, value in pairs.items()}
    return figures


def _test_and_train(
    data: DataOptions, size: ImageSize
) -> tuple[tuple[ImageDataset, ImageDataset], tuple[ImageDataset, ImageDataset], bool]:
    """Test and training images of domains A and B, and whether the test images are paired."""
    wanted = like(replace(data, jitter=0.0, flip=False, resize="crop"), size, 3)
    paired = True
    try:
        test = domains_of(replace(wanted, split="test"), "paired")
    except UserError:
        test, paired = domains_of(replace(wanted, split="test"), "unpaired"), False
    return test, domains_of(replace(wanted, split="train"), "unpaired"), paired


@dataclass(frozen=True)
class Viewed:
    """Images [N, 3, H, W] in [-1, 1], and their features [N, D]."""

    images: Tensor
    features: Tensor

    @staticmethod
    def of(name: str, images: ImageDataset) -> "Viewed":
        """All images of a dataset, and their features by the network called `name`."""
        return Viewed(whole(images), dataset_features(name, images).features)


def _translated(model: Model, direction: Direction, images: Tensor, name: str) -> Viewed:
    """The translations of images, and their features by the network called `name`."""
    parts = images.split(PICTURES_AT_ONCE)
    parts = progress.track(parts, len(parts), "translating", f"batches of {PICTURES_AT_ONCE}")
    made = torch.cat([model.translate(x, direction) for x in parts]).expand(-1, 3, -1, -1)
    batches = batches_of(made, f"features of translations ({name})")
    return Viewed(made, extract_features(name, batches).features)


def _pair_figures(one: Viewed, other: Viewed, name: str) -> dict[str, float]:
    """Mean distances between images i of both sets, by the beginnings of the figures' names."""
    pairs = zip(one.images.split(BATCH_SIZE), other.images.split(BATCH_SIZE), strict=True)
    pairs = progress.track(
        pairs, -(-len(one.images) // BATCH_SIZE), "comparing", f"batches of {BATCH_SIZE}"
    )
    perceived = torch.cat([perceptual_distance(name, a, b) for a, b in pairs])
    cosine = 1 - torch.cosine_similarity(one.features, other.features)
    return {
        f"perceptual_distance[{name}, ": float(perceived.mean()),
        f"cosine_distance[{name}, ": float(cosine.mean()),
        "mean_absolute_error[": float((one.images - other.images).abs().mean()),
    }


def domains_of(
    data: DataOptions, sides: Literal["paired", "unpaired"]
) -> tuple[ImageDataset, ImageDataset]:
    """The images of domains A and B; if they are paired, image i of A belongs to image i of B."""
    images = decode_dataset(find_dataset(data, sides))
    assert images.domain_b is not None
    return images, images.domain_b


def whole(images: ImageDataset) -> Float[Tensor, "n 3 h w"]:
    """All images of a dataset, in [-1, 1]."""
    return image_io.to_tensor(images.read(np.arange(len(images))))
