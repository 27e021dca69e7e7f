"""Feature networks for distances between sets of images.

Distances under different feature networks are not comparable. Images are quantized to 8 bits, as
if saved to a file, then resized in float with antialiasing, as in clean-fid (Parmar et al. 2022).
"""

import hashlib
import importlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from reverie.core import image_io
from reverie.core.errors import UserError, nearest
from reverie.evaluation.metrics.digits import digit_classifier
from reverie.nn.backbones.efficientnet import (
    EfficientNetLite,
    Lite,
    efficientnet,
    efficientnet_preprocess,
)
from reverie.nn.fuse import fuse_for_inference

PICTURES_AT_ONCE = 50


@dataclass(frozen=True)
class Features:
    """Activations of a network: features [N, D] and class logits [N, K]."""

    features: Float[Tensor, "n d"]
    logits: Float[Tensor, "n k"]


def _see_digits(images: Tensor) -> Features:
    features = digit_classifier().features(images)
    return Features(features, digit_classifier().head(features))


@cache
def _efficientnet(lite: Lite) -> EfficientNetLite:
    """EfficientNet with its batch norms folded: a third of the time for the same features."""
    return fuse_for_inference(
        efficientnet(lite), lambda network: network(torch.zeros(1, 3, 224, 224))
    )


def _see_efficientnet(lite: Lite, images: Tensor) -> Features:
    network = _efficientnet(lite)
    shape = (network.scaling.side, network.scaling.side)
    if images.shape[-2:] != shape:
        images = F.interpolate(images, shape, mode="bicubic", antialias=True)
    pixels = efficientnet_preprocess(images).contiguous(memory_format=torch.channels_last)
    features = network.features(pixels)
    return Features(features, network._fc(features))


@cache
def _inception() -> nn.Module:
    try:
        module = importlib.import_module("torch_fidelity.feature_extractor_inceptionv3")
        extractor = module.FeatureExtractorInceptionV3
        return extractor("inception-v3-compat", ["2048", "logits_unbiased"]).eval()
    except (ImportError, OSError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            "Inception's features need the package torch-fidelity (pip install torch-fidelity) and "
            f"its FID weights, which it downloads ({reason}): use --features efficientnet, and "
            "compare its metrics only with each other."
        ) from None


def _see_inception(images: Tensor) -> Features:
    pixels = torch.from_numpy(image_io.to_uint8(images.expand(-1, 3, -1, -1))).permute(0, 3, 1, 2)
    return Features(*_inception()(pixels))  # it resizes as the original TensorFlow graph does


@dataclass(frozen=True)
class FeatureExtractor:
    """Feature network of images in [-1, 1]; `maps` returns the layers' feature maps."""

    network: Callable[[], nn.Module]
    batch_size: int
    """Images at once; the activations of few large images fit a processor's cache."""
    extract_features: Callable[[Tensor], Features]
    maps: Callable[[Tensor], list[Tensor]] | None


def _extractor_of(lite: Lite) -> FeatureExtractor:
    return FeatureExtractor(
        lambda: _efficientnet(lite),
        8,
        lambda x: _see_efficientnet(lite, x),
        lambda x: _efficientnet(lite).maps(efficientnet_preprocess(x)),
    )


FEATURES = {
    "digits": FeatureExtractor(
        digit_classifier, 250, _see_digits, lambda x: digit_classifier().maps(x)
    ),
    "efficientnet": _extractor_of(0),
    "efficientnet-lite2": _extractor_of(2),
    "inception": FeatureExtractor(_inception, 8, _see_inception, None),
}


def find_extractor(name: str) -> FeatureExtractor:
    """The feature network called `name`, with its weights.

    Raises:
        UserError: if there is none, or a package is missing.
    """
    extractor = _named(name)
    extractor.network()
    return extractor


def _named(name: str) -> FeatureExtractor:
    if name not in FEATURES:
        raise UserError(f"there are no features {name!r}; {nearest(name, FEATURES)}")
    return FEATURES[name]


def find_maps(name: str) -> Callable[[Tensor], list[Tensor]]:
    """The function from images to feature maps of the network called `name`.

    Raises:
        UserError: if there is no such network, a package is missing, or it has no feature maps.
    """
    look = _named(name).maps
    if look is None:
        raise UserError(f"{name} has no perceptual distance: use --features efficientnet.")
    find_extractor(name)
    return look


@cache
def network_digest(name: str) -> str:
    """Hash of the weights of the feature network called `name`."""
    whole = hashlib.sha256()
    for key, tensor in find_extractor(name).network().state_dict().items():
        whole.update(key.encode() + tensor.contiguous().numpy().tobytes())
    return whole.hexdigest()[:16]


@torch.inference_mode()
def extract_features(name: str, batches: Iterable[Float[Tensor, "b c h w"]]) -> Features:
    """Features and logits of images in [-1, 1], in float32.

    Args:
        name: a key of `FEATURES`.
        batches: images of any batch size; processed in parts of the network's own.

    Raises:
        UserError: if there is no such network, there are no images, or a feature is not finite.
    """
    extractor = find_extractor(name)
    parts = [
        extractor.extract_features(part) for part in quantize_8bit(batches, extractor.batch_size)
    ]
    if not parts:
        raise UserError("there are no images to extract features from.")
    seen = Features(torch.cat([p.features for p in parts]), torch.cat([p.logits for p in parts]))
    if not torch.isfinite(seen.features).all():
        raise UserError(f"the features {name} of these images are not finite: inspect the images.")
    return seen


@torch.inference_mode()
def maps(name: str, images: Float[Tensor, "b c h w"]) -> list[Float[Tensor, "b _ _ _"]]:
    """Feature maps of images in [-1, 1], from fine to coarse, without resizing to 224×224.

    Raises:
        UserError: if there is no such network, or it does not provide feature maps.
    """
    return find_maps(name)(images)


def quantize_8bit(
    batches: Iterable[Tensor], batch_size: int = PICTURES_AT_ONCE
) -> Iterator[Tensor]:
    """Round images in [-1, 1] to 8 bits, as if saved and read back; yields parts."""
    for batch in batches:
        for part in batch.split(batch_size):
            yield image_io.to_tensor(image_io.to_uint8(part))
