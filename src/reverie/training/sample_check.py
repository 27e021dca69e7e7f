"""Diversity of samples and of translations beside that of the training images, while training.

Nothing is drawn from the training's random numbers: latents come from fixed seeds, the training
images to compare with from a seed of their own, and features from a fixed random network.
"""

from dataclasses import asdict
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from reverie.core import image_io
from reverie.core.rng import latents_of_seeds
from reverie.data import ImageDataset
from reverie.evaluation.metrics.diversity import ReferenceFeatures
from reverie.methods import Denoises, Method, Samples, Translates
from reverie.nn.random_features import random_features

STEPS_BETWEEN, IMAGES_BETWEEN = 250, 4096
"""Steps and training images between two checks, at least, so that they take little time."""
SAMPLES, TRANSLATIONS, REFERENCES = 256, 32, 1024
BATCH = 32
MIN_IMAGES = 8
"""The diversity of fewer images says nothing."""


class SampleCheck:
    """Compares samples or translations with training images.

    Args:
        images: the training images.
        each: how many training images a step uses.
    """

    def __init__(self, images: ImageDataset, each: int) -> None:
        self._domains = [d for d in (images, images.domain_b) if d is not None]
        self._between = max(STEPS_BETWEEN, -(-IMAGES_BETWEEN // each))

    def is_due(self, method: Method, step: int, last: int) -> bool:
        """Whether the interval has passed between two lines of the log.

        Args:
            method: the method in training; denoising takes too long for a sample.
            step: the step of the line.
            last: the step of the line before; 0 if there is none.
        """
        able = isinstance(method, Samples | Translates) and not isinstance(method, Denoises)
        enough = min(map(len, self._domains)) >= MIN_IMAGES
        return able and enough and step // self._between > last // self._between

    @torch.no_grad()
    def figures(self, method: Method, device: torch.device) -> dict[str, float]:
        """Figures by name: `samples/modes`, or `translations/spread_ab` for each direction.

        Args:
            method: networks in eval mode, as they are exported.
            device: where they are.
        """
        if isinstance(method, Samples):
            samples, reference = self._samples(method, device), self._references[0]
            found = asdict(reference.diversity(samples)) | {"copies": reference.copies(samples)}
            return {f"samples/{name}": value for name, value in found.items()}
        assert isinstance(method, Translates)
        figures = {}
        for direction in method.directions:
            inputs = self._read(self._domains[0 if direction == "ab" else -1], TRANSLATIONS)
            network = method.translator(direction)
            parts = [random_features(network(x.to(device))) for x in inputs.split(BATCH)]
            # The less diverse domain counts: a translation need not add to what its input has.
            translations = torch.cat(parts).cpu()
            beside = [asdict(r.diversity(translations)) for r in self._references]
            for name in ("spread", "spacing"):
                figures[f"translations/{name}_{direction}"] = max(one[name] for one in beside)
        return figures

    def _samples(self, method: Samples, device: torch.device) -> Float[Tensor, "n d"]:
        """Features of samples from fixed seeds, their classes those of training images."""
        latents = latents_of_seeds(range(SAMPLES), method.latent_shape).to(device)
        chosen = np.resize(self._chosen(self._domains[0], SAMPLES), SAMPLES)
        known, parts = self._domains[0].labels, []
        for first in range(0, SAMPLES, BATCH):
            part = slice(first, first + BATCH)
            labels = None if known is None else torch.from_numpy(known[chosen[part]]).to(device)
            parts.append(random_features(method.generate(latents[part], labels)))
        return torch.cat(parts).cpu()

    @cached_property
    def _references(self) -> list[ReferenceFeatures]:
        """Features of training images of each domain; the first comparison reads the images."""
        return [
            ReferenceFeatures(random_features(self._read(d, REFERENCES))) for d in self._domains
        ]

    def _read(self, images: ImageDataset, count: int) -> Float[Tensor, "n c h w"]:
        return image_io.to_tensor(images.read(self._chosen(images, count)))

    def _chosen(self, images: ImageDataset, count: int) -> Int[np.ndarray, " n"]:
        """Indices of `count` images in a fixed random order, or of all."""
        return np.random.default_rng(0).permutation(len(images))[:count]
