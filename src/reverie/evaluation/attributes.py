"""A classifier of the attributes of faces, which judges edited and translated ones.

A small convolutional network with one logit for each attribute, trained on the images of a list of
attributes, with noise on its inputs; it judges images that it was not trained on.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from reverie.core import image_io, progress
from reverie.data.attributes import Attributes

BATCH_SIZE, NOISE = 64, 0.1
LEARNING_RATE, HIGHEST_LEARNING_RATE = 2e-3, 4e-3
WIDTHS = (32, 64, 96)
AT_ONCE = 500


@dataclass(frozen=True)
class AttributeClassifier:
    """A trained classifier of RGB images of one size."""

    names: tuple[str, ...]
    image_size: int
    network: nn.Module

    @torch.inference_mode()
    def predict(self, images: Float[Tensor, "n 3 h w"]) -> Bool[Tensor, "n a"]:
        """Whether each image in [-1, 1] has each attribute."""
        return torch.cat([self.network(part) for part in images.split(AT_ONCE)]) > 0

    def accuracy(self, attributes: Attributes) -> dict[str, float]:
        """Fraction of images that are classified correctly, for each attribute."""
        predicted = self.predict(read_images(attributes, self.image_size)).numpy()
        right = (predicted == attributes.values).mean(0)
        return dict(zip(self.names, right.tolist(), strict=True))


def train_attribute_classifier(
    attributes: Attributes, image_size: int, steps: int = 1500
) -> AttributeClassifier:
    """Train a classifier on all images of a list of attributes; always with the same seed.

    Args:
        attributes: images and their attributes.
        image_size: side of the square images, a multiple of 8.
        steps: training steps of 64 images.
    """
    images = read_images(attributes, image_size)
    has = torch.from_numpy(attributes.values).float()
    return train_classifier(images, has, attributes.names, steps)


def train_classifier(
    images: Float[Tensor, "n 3 s s"],
    has: Float[Tensor, "n a"],
    names: tuple[str, ...],
    steps: int,
    augmented: Callable[[Tensor, torch.Generator], Tensor] | None = None,
) -> AttributeClassifier:
    """Train a classifier of binary attributes; always with the same seed.

    Args:
        images: square images in [-1, 1], whose side is a multiple of 8.
        has: 1 where an image has an attribute, else 0.
        names: the attributes.
        steps: training steps of 64 images.
        augmented: the images of a batch as the network sees them; by default with noise.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = _network(images.shape[-1], len(names))
        _train(network, images, has, steps, augmented or _noisy)
    network.eval().requires_grad_(False)
    return AttributeClassifier(names, images.shape[-1], network)


def _noisy(images: Tensor, generator: torch.Generator) -> Tensor:
    return images + NOISE * torch.randn(images.shape, generator=generator)


def read_images(attributes: Attributes, image_size: int) -> Float[Tensor, "n 3 h w"]:
    """All images of a list of attributes, in [-1, 1]."""
    count = len(attributes)
    rows = progress.track(range(count), count, "reading")
    return image_io.to_tensor(np.stack([attributes.read(i, image_size, 3) for i in rows]))


def _network(image_size: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, width in zip((3, *WIDTHS), WIDTHS, strict=False):
        layers += [nn.Conv2d(inputs, width, 3, 1, 1), nn.BatchNorm2d(width), nn.ReLU()]
        layers.append(nn.MaxPool2d(2))
    features = WIDTHS[-1] * (image_size // 2 ** len(WIDTHS)) ** 2
    return nn.Sequential(*layers, nn.Flatten(), nn.Dropout(0.2), nn.Linear(features, outputs))


def _train(
    network: nn.Module,
    images: Tensor,
    has: Tensor,
    steps: int,
    augmented: Callable[[Tensor, torch.Generator], Tensor],
) -> None:
    optimizer = torch.optim.Adam(network.parameters(), LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, HIGHEST_LEARNING_RATE, steps)
    generator = torch.Generator().manual_seed(0)
    for _ in progress.track(range(steps), steps, "classifier", "steps"):
        rows = torch.randint(len(images), (BATCH_SIZE,), generator=generator)
        seen = augmented(images[rows], generator)
        loss = F.binary_cross_entropy_with_logits(network(seen), has[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
