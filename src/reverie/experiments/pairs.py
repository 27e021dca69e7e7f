"""Pairs of images that are held out, as tensors."""

from typing import Literal

from torch import Tensor

from reverie.data import DataOptions, decode_dataset, find_dataset
from reverie.evaluation.translation import whole


def pairs(
    data: str, image_size: int, split: Literal["train", "test"] = "test"
) -> tuple[Tensor, Tensor]:
    """Images of domains A and B, each [N, 3, H, W] in [-1, 1]; image i of A pairs with i of B."""
    wanted = DataOptions(data=data, image_size=image_size, split=split, channels="3")
    images = decode_dataset(find_dataset(wanted, "paired"))
    assert images.domain_b is not None
    return whole(images), whole(images.domain_b)
