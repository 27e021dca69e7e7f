"""Small classifier of 28×28 digits: label accuracy and features for distances.

Its weights ship with the package; `scripts/train_digit_classifier.py` trains them and prints the
accuracy on the 2,000 test digits.
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
    """Six convolutions with batch norm and global average pooling to 64 features."""

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
        """Pooled features of images in [-1, 1]; converted to grayscale and resized to 28×28."""
        return self.maps(images)[-1].mean((2, 3))

    def maps(self, images: Float[Tensor, "b c h w"]) -> list[Float[Tensor, "b _ _ _"]]:
        """Feature map after each ReLU, from fine to coarse."""
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
    """The pretrained classifier, frozen and in eval mode."""
    classifier = DigitClassifier()
    state = {name: value.float() for name, value in load_file(WEIGHTS).items()}
    classifier.load_state_dict(state)
    return classifier.eval().requires_grad_(False)


@torch.inference_mode()
def digit_features(images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b 64"]:
    """Classifier features of images in [-1, 1]."""
    classifier = digit_classifier()
    return torch.cat([classifier.features(part) for part in images.split(PICTURES_AT_ONCE)])


@torch.inference_mode()
def recognised(images: Float[Tensor, "b c h w"]) -> Int[Tensor, " b"]:
    """Predicted digit of each image in [-1, 1]."""
    classifier = digit_classifier()
    return torch.cat([classifier(part).argmax(1) for part in images.split(PICTURES_AT_ONCE)])
