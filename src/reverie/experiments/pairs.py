"""Pairs of images that are held out, as tensors, and figures of translations of them."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from reverie.data import DataOptions, decode_dataset, find_dataset
from reverie.evaluation.metrics.features import extract_features
from reverie.evaluation.metrics.frechet import Moments, frechet_distance
from reverie.evaluation.metrics.paired import perceptual_distance
from reverie.evaluation.translation import whole


def pairs(
    data: str, image_size: int, split: Literal["train", "test"] = "test"
) -> tuple[Tensor, Tensor]:
    """Images of domains A and B, each [N, 3, H, W] in [-1, 1]; image i of A pairs with i of B."""
    wanted = DataOptions(data=data, image_size=image_size, split=split, channels="3")
    images = decode_dataset(find_dataset(wanted, "paired"))
    assert images.domain_b is not None
    return whole(images), whole(images.domain_b)


def figures(
    made: Float[Tensor, "n 3 h w"], target: Float[Tensor, "n 3 h w"], real: Float[Tensor, "m 3 h w"]
) -> dict[str, float]:
    """Distance to real images of the domain; distances of each image to its own counterpart."""
    seen, truth = (
        Moments.of(extract_features("efficientnet", x.split(50)).features) for x in (made, real)
    )
    parts = zip(made.split(50), target.split(50), strict=True)
    perceived = torch.cat([perceptual_distance("efficientnet", a, b) for a, b in parts])
    about = f"[efficientnet, {len(made)} against {len(real)}]"
    return {
        f"Fréchet distance {about}": frechet_distance(seen, truth),
        "perceptual distance to the counterpart [efficientnet]": float(perceived.mean()),
        "mean absolute error, of 2": float((made - target).abs().mean()),
    }
