"""A small classifier of 28×28 digits: a judge of labels and a feature network for distances.

Its weights ship with the package; `scripts/train_digit_classifier.py` made them, and prints the
share of the 2,000 test digits that it recognises.
"""

from functools import cache
from pathlib import Path

import torch
from jaxtyping import Float, Int
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

WEIGHTS = Path(__file__).with_name("digits.safetensors")


FEATURES = 64


PICTURES_AT_ONCE = 500


class DigitClassifier(nn.Module):
    """Six convolutions with batch norm, averaged over the picture into 64 features."""

    def __init__(self) -> None:
        super().__init__()
        widths = [(1, 32, 1), (32, 32, 2), (32, 64, 1), (64, 64, 2), (64, 64, 1), (64, 64, 1)]
        layers: list[nn.Module] = []
        for inputs, outputs, stride in widths:
            layers += [
                nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(),
            ]
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(FEATURES, 10)

    def features(self, images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b 64"]:
        """What the classifier knows of each picture; other sizes and colours are made to fit."""
        return self.maps(images)[-1].mean((2, 3))

    def maps(self, images: Float[Tensor, "b c h w"]) -> list[Float[Tensor, "b _ _ _"]]:
        """What each layer gives, from fine to coarse."""
        x = images.mean(1, keepdim=True)
        if x.shape[-2:] != (28, 28):
            x = F.interpolate(x, (28, 28), mode="bilinear", antialias=True)
        found = []
        for layer in self.body:
            x = layer(x)
            if isinstance(layer, nn.ReLU):
                found.append(x)
        return found

    def forward(self, images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b 10"]:
        return self.head(self.features(images))


@cache
def digit_classifier() -> DigitClassifier:
    """The classifier with the weights that the package ships, in eval mode."""
    classifier = DigitClassifier()
    state = {name: value.float() for name, value in load_file(WEIGHTS).items()}
    classifier.load_state_dict(state)
    return classifier.eval().requires_grad_(False)


@torch.inference_mode()
def digit_features(images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b 64"]:
    """The classifier's features of pictures in [-1, 1]."""
    classifier = digit_classifier()
    return torch.cat([classifier.features(part) for part in images.split(PICTURES_AT_ONCE)])


@torch.inference_mode()
def recognised(images: Float[Tensor, "b c h w"]) -> Int[Tensor, " b"]:
    """The digit that the classifier sees in each picture of [-1, 1]."""
    classifier = digit_classifier()
    return torch.cat([classifier(part).argmax(1) for part in images.split(PICTURES_AT_ONCE)])
