"""Networks in whose features sets of pictures are compared.

A distance means something only beside the name of its features: numbers under different networks
are never comparable. Pictures are rounded to 8 bits first, as if they had been saved, then resized
in float with antialiasing, as clean-fid does (Parmar et al. 2022).
"""

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
from reverie.nn.backbones.efficientnet import efficientnet, efficientnet_preprocess

PICTURES_AT_ONCE = 50


@dataclass(frozen=True)
class Features:
    """What a network says of pictures: features [N, D] and class logits [N, K]."""

    features: Float[Tensor, "n d"]
    logits: Float[Tensor, "n k"]


def _see_digits(images: Tensor) -> Features:
    features = digit_classifier().features(images)
    return Features(features, digit_classifier().head(features))


def _see_efficientnet(images: Tensor) -> Features:
    network = efficientnet()
    if images.shape[-2:] != (224, 224):
        images = F.interpolate(images, (224, 224), mode="bicubic", antialias=True)
    features = network.features(efficientnet_preprocess(images))
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
            "Inception's features need the package torch-fidelity and its FID weights, which it "
            f"downloads ({reason}): use --features efficientnet, and compare its figures with its "
            "own alone."
        ) from None


def _see_inception(images: Tensor) -> Features:
    pixels = torch.from_numpy(image_io.to_uint8(images.expand(-1, 3, -1, -1))).permute(0, 3, 1, 2)
    return Features(*_inception()(pixels))  # which resizes as the original TensorFlow graph did


@dataclass(frozen=True)
class FeatureExtractor:
    """A network that looks at pictures [-1, 1]; `maps` gives its layers' feature maps."""

    extract_features: Callable[[Tensor], Features]
    maps: Callable[[Tensor], list[Tensor]] | None


FEATURES = {
    "digits": FeatureExtractor(_see_digits, lambda x: digit_classifier().maps(x)),
    "efficientnet": FeatureExtractor(
        _see_efficientnet, lambda x: efficientnet().maps(efficientnet_preprocess(x))
    ),
    "inception": FeatureExtractor(_see_inception, None),
}


def find_extractor(name: str) -> FeatureExtractor:
    """The network called `name`.

    Raises:
        UserError: if there is none.
    """
    if name not in FEATURES:
        raise UserError(f"there are no features {name!r}; {nearest(name, FEATURES)}")
    return FEATURES[name]


@torch.inference_mode()
def extract_features(name: str, batches: Iterable[Float[Tensor, "b c h w"]]) -> Features:
    """What the network called `name` says of pictures in [-1, 1], in float32.

    Raises:
        UserError: if there is no such network, or what it says is not finite.
    """
    look = find_extractor(name).extract_features
    parts = [look(part) for part in quantize_8bit(batches)]
    if not parts:
        raise UserError("there are no pictures to look at.")
    seen = Features(torch.cat([p.features for p in parts]), torch.cat([p.logits for p in parts]))
    if not torch.isfinite(seen.features).all():
        raise UserError(f"the features {name} of these pictures are not finite: look at them.")
    return seen


@torch.inference_mode()
def maps(name: str, images: Float[Tensor, "b c h w"]) -> list[Float[Tensor, "b _ _ _"]]:
    """The feature maps of pictures in [-1, 1], from fine to coarse, at the pictures' own size.

    Raises:
        UserError: if there is no such network, or it tells no maps.
    """
    look = find_extractor(name).maps
    if look is None:
        raise UserError(f"pairs are not compared in the features {name}: use efficientnet.")
    return look(images)


def quantize_8bit(batches: Iterable[Tensor]) -> Iterator[Tensor]:
    """Pictures as they would be read back from files, in parts that fit into memory."""
    for batch in batches:
        for part in batch.split(PICTURES_AT_ONCE):
            yield image_io.to_tensor(image_io.to_uint8(part))
