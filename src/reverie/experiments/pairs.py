"""Pairs of images that are held out, as tensors, and figures of translations of them."""

from collections.abc import Mapping
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from reverie.data import DataOptions
from reverie.evaluation.metrics.features import extract_features
from reverie.evaluation.metrics.frechet import Moments, frechet_distance
from reverie.evaluation.metrics.paired import perceptual_distance
from reverie.evaluation.translation import domains_of, whole

FEATURES, AT_ONCE = "efficientnet", 50


def pairs(
    data: str, image_size: int, split: Literal["train", "test"] = "test"
) -> tuple[Tensor, Tensor]:
    """Images of domains A and B, each [N, 3, H, W] in [-1, 1]; image i of A pairs with i of B."""
    wanted = DataOptions(data=data, image_size=image_size, split=split, channels="3")
    a, b = domains_of(wanted, "paired")
    return whole(a), whole(b)


def figures(
    made: Mapping[str, Float[Tensor, "n 3 h w"]],
    target: Float[Tensor, "n 3 h w"],
    real: Float[Tensor, "m 3 h w"],
) -> dict[str, dict[str, float]]:
    """Figures of several sets of images, each by its name.

    Args:
        made: images that are evaluated; image i belongs to target i.
        target: the counterpart of each.
        real: real images of the targets' domain, for the Fréchet distance.
    """
    known = _moments(real)
    about = f"[{FEATURES}, {len(target)} against {len(real)}]"
    rows = {}
    for name, images in made.items():
        parts = zip(images.split(AT_ONCE), target.split(AT_ONCE), strict=True)
        perceived = torch.cat([perceptual_distance(FEATURES, a, b) for a, b in parts])
        rows[name] = {
            f"Fréchet distance {about}": frechet_distance(_moments(images), known),
            f"perceptual distance to the counterpart [{FEATURES}]": float(perceived.mean()),
            "mean absolute error, of 2": float((images - target).abs().mean()),
        }
    return rows


def _moments(images: Tensor) -> Moments:
    return Moments.of(extract_features(FEATURES, images.split(AT_ONCE)).features)
