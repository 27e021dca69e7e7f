"""Statistics of reference images, kept in a file so that the images need not be there.

An .npz with `mu` and `sigma`, mean and covariance of the features, as other tools write and read
it; with the features themselves, which the other metrics need, and what they were computed by.
"""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from reverie.core import progress
from reverie.core.errors import UserError
from reverie.core.files import write_atomic
from reverie.core.image_size import Size
from reverie.core.options import InvalidValue
from reverie.data import ImageDataset
from reverie.data.numpy_file import read_numpy
from reverie.evaluation.metrics.features import FEATURES, extract_features, network_digest
from reverie.evaluation.metrics.frechet import Moments
from reverie.inference.place import refuse_no_statistics, refuse_no_statistics_file

VERSION = 1

MOST_FEATURES = 50_000
"""Images of which a file keeps the features; of more it keeps mean and covariance alone."""

OF_INCEPTION = 2048
"""Features of Inception, by which files of other tools are known."""


@dataclass(frozen=True)
class Reference:
    """Statistics of the features of reference images, and what they were computed of and by."""

    network: str
    """The feature network."""
    moments: Moments
    split: str
    features: Float[Tensor, "n d"] | None = None
    """The features, where they are known: the Fréchet distance needs the moments alone."""
    count: int | None = None
    """How many images, where that is known."""
    size: int | str | None = None
    channels: int | None = None
    """Size and channels of the images, where they are known."""
    labels: Int[Tensor, " n"] | None = None
    """The class of each image, where there are classes and the features are known."""
    class_names: tuple[str, ...] = ()

    @staticmethod
    def of(network: str, images: ImageDataset, features: Float[Tensor, "n d"]) -> "Reference":
        """The statistics of a dataset whose features are known."""
        return Reference(
            network,
            Moments.of(features),
            images.source.split,
            features,
            len(images),
            images.spec.size.option,
            images.spec.channels,
            None if images.labels is None else torch.from_numpy(images.labels).long(),
            tuple(images.spec.class_names),
        )

    def save(self, path: Path) -> None:
        """Write the statistics to an .npz file.

        Raises:
            UserError: if `path` has another suffix, or there are too few images.
        """
        refuse_no_statistics_file(path)
        if self.moments.count < 2:
            raise UserError("statistics are those of two images or more.")
        arrays: dict[str, Any] = {
            "mu": self.moments.mean.numpy(),
            "sigma": self.moments.covariance.numpy(),
            "network": self.network,
            "weights": network_digest(self.network),
            "count": self.moments.count,
            "split": self.split,
            "image_size": str(self.size),
            "channels": self.channels,
            "version": VERSION,
        }
        if self.features is not None and len(self.features) <= MOST_FEATURES:
            arrays["features"] = self.features.numpy()
            if self.labels is not None:
                arrays |= {"labels": self.labels.numpy(), "class_names": list(self.class_names)}
        else:
            progress.say(
                f"{path}: of more than {MOST_FEATURES:,} images mean and covariance are kept, "
                "which give the Fréchet distance alone"
            )
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        write_atomic(path, buffer.getvalue())


def read_reference(path: Path, network: str | None = None) -> Reference:
    """The statistics in a file of `Reference.save`, or in one with `mu` and `sigma` alone.

    Args:
        path: an .npz file.
        network: the feature network that is asked for; by default the file's own. A file that
            names none is taken for one of Inception's features if it has as many.

    Raises:
        UserError: if the file holds no statistics, or those of another network or other weights.
    """
    refuse_no_statistics(path)
    content = read_numpy(path)
    if not isinstance(content, dict) or not {"mu", "sigma"} <= content.keys():
        raise UserError(
            f"{path}: this holds no statistics, which are arrays mu and sigma: --save-stats writes "
            "them; images are compared by --data."
        )
    mean, covariance = _moments(path, content)
    if "network" not in content:
        return _of_other_tool(path, mean, covariance, network)
    own = _text(content["network"])
    if network is not None and network != own:
        raise UserError(
            f"{path}: these are statistics of the features {own}, not {network}: leave --features "
            "out, or give the images with --data."
        )
    if own not in FEATURES or _text(content.get("weights")) != network_digest(own):
        raise UserError(
            f"{path}: the features {own} have other weights here than when these statistics were "
            "written: write them again with --save-stats."
        )
    return _own(path, own, content, mean, covariance)


def _own(
    path: Path, network: str, content: dict[str, NDArray[Any]], mean: Tensor, covariance: Tensor
) -> Reference:
    """The statistics that `Reference.save` wrote."""
    damaged = UserError(f"{path}: the file is damaged: write it again with --save-stats.")
    try:
        count, channels = int(content["count"]), int(content["channels"])
        size = Size.of(_size(_text(content["image_size"]))).option
        split = _text(content["split"])
    except (KeyError, TypeError, ValueError, InvalidValue):
        raise damaged from None
    if count < 2:
        raise damaged
    if "features" not in content:
        moments = Moments(count, mean, covariance * (count - 1))
        return Reference(network, moments, split, None, count, size, channels)
    features = content["features"]
    if features.shape != (count, len(mean)) or features.dtype != np.float32:
        raise damaged
    if not np.isfinite(features).all():
        raise damaged
    kept, (labels, names) = torch.from_numpy(features), _classes(content)
    if labels is not None and not (
        len(labels) == count and 0 <= labels.min() <= labels.max() < len(names)
    ):
        raise damaged
    moments = Moments.of(kept)
    return Reference(network, moments, split, kept, count, size, channels, labels, names)


def _classes(content: dict[str, NDArray[Any]]) -> tuple[Tensor | None, tuple[str, ...]]:
    """The class of each image, and the classes' names; None where the file has none."""
    labels, names = content.get("labels"), content.get("class_names")
    if labels is None or names is None or labels.dtype.kind != "i" or labels.ndim != 1:
        return None, ()
    return torch.from_numpy(labels.astype(np.int64)), tuple(map(str, names.ravel()))


def _of_other_tool(path: Path, mean: Tensor, covariance: Tensor, network: str | None) -> Reference:
    if network is None and len(mean) != OF_INCEPTION:
        raise UserError(
            f"{path}: it does not say of which feature network its {len(mean)} features are: name "
            f"one by --features: {', '.join(FEATURES)}."
        )
    name = network or "inception"
    width = extract_features(name, [torch.zeros(1, 3, 32, 32)]).features.shape[1]
    if width != len(mean):
        raise UserError(
            f"{path}: its statistics are of {len(mean)} features, and {name} has {width}: they are "
            "of another network."
        )
    # The count is unknown: it cancels out, since the distance takes the covariance alone.
    return Reference(name, Moments(2, mean, covariance), path.stem)


def _moments(path: Path, content: dict[str, NDArray[Any]]) -> tuple[Tensor, Tensor]:
    """Mean and covariance, checked."""
    mean, covariance = content["mu"], content["sigma"]
    if mean.dtype.kind != "f" or covariance.dtype.kind != "f" or mean.ndim != 1:
        raise UserError(f"{path}: mu must be a vector of floats, and sigma a matrix.")
    if covariance.shape != (len(mean), len(mean)) or not len(mean):
        raise UserError(
            f"{path}: sigma has the shape {list(covariance.shape)}, and mu has {len(mean)} values: "
            "they do not belong together."
        )
    if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
        raise UserError(f"{path}: mu or sigma has values that are not finite.")
    largest = max(float(np.abs(covariance).max()), 1e-12)
    if float(np.abs(covariance - covariance.T).max()) > 1e-6 * largest:
        raise UserError(f"{path}: sigma is no covariance, as it is not symmetric.")
    return tuple(torch.from_numpy(one.astype(np.float64)) for one in (mean, covariance))  # type: ignore[return-value]


def _text(value: NDArray[Any] | None) -> str:
    return "" if value is None else str(value)


def _size(text: str) -> int | str:
    return int(text) if text.isdecimal() else text
