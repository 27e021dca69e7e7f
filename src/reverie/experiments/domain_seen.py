"""Which of two domains a classifier takes translations for.

Its training images are augmented by blur, noise, shifts and changes of colour, so that
imperceptible traces do not decide.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from reverie.core.rng import Rng
from reverie.evaluation.attributes import AttributeClassifier, train_classifier
from reverie.nn.augment import augment

NOISE, BLUR = 0.1, 1.0
"""Largest standard deviations of noise, and of blur in pixels."""


def trained_domain_classifier(
    a: Float[Tensor, "n 3 s s"], b: Float[Tensor, "m 3 s s"], steps: int
) -> AttributeClassifier:
    """A classifier that says whether an image is of domain B."""
    has = torch.cat([torch.zeros(len(a), 1), torch.ones(len(b), 1)])
    return train_classifier(torch.cat([a, b]), has, ("B",), steps, augmented)


def share_of_b(classifier: AttributeClassifier, images: Float[Tensor, "n 3 s s"]) -> float:
    """Share of images that the classifier takes for domain B."""
    return float(classifier.predict(images).float().mean())


def augmented(
    images: Float[Tensor, "b 3 s s"], generator: torch.Generator
) -> Float[Tensor, "b 3 s s"]:
    """Images with random blur, colours and noise, shifted by up to an eighth, each by chance."""
    for change in (_blurred, _recoloured, _shifted, _noisy):
        chosen = torch.rand(len(images), 1, 1, 1, generator=generator) < 0.5
        images = torch.where(chosen, change(images, generator), images)
    return images


def _blurred(images: Tensor, generator: torch.Generator) -> Tensor:
    deviation = BLUR * torch.rand(len(images), 1, generator=generator).clamp(min=0.1)
    line = torch.exp(-torch.arange(-3.0, 4.0).square() / (2 * deviation.square()))
    line = (line / line.sum(1, keepdim=True)).repeat_interleave(images.shape[1], 0)
    rows = images.flatten(0, 1)[None]
    for shape in ((1, 7), (7, 1)):
        edges = [shape[1] // 2] * 2 + [shape[0] // 2] * 2
        padded = F.pad(rows, edges, mode="replicate")
        rows = F.conv2d(padded, line.view(-1, 1, *shape), groups=len(line))
    return rows[0].view_as(images)


def _recoloured(images: Tensor, generator: torch.Generator) -> Tensor:
    """Halfway to what DiffAugment makes of the colours, which is strong."""
    return (images + augment(images, ("colour",), Rng(generator))) / 2


def _shifted(images: Tensor, generator: torch.Generator) -> Tensor:
    return augment(images - 1, ("translation",), Rng(generator)) + 1  # the background is white


def _noisy(images: Tensor, generator: torch.Generator) -> Tensor:
    deviation = NOISE * torch.rand(len(images), 1, 1, 1, generator=generator)
    return images + deviation * torch.randn(images.shape, generator=generator)
