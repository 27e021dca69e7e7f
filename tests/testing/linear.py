"""A small method that keeps the contract, of which the tests make ones that do not."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from reverie.core.rng import Rng
from reverie.data import Batch, ImageSpec
from reverie.methods import Method, MethodOptions, Phase
from reverie.methods.base import Loss


@dataclass(frozen=True, kw_only=True)
class LinearOptions(MethodOptions):
    """Options of a linear generator."""

    latent_size: int = 4
    """Length of the latent vector."""


class Linear(Method):
    """A linear layer from latents to images, and a second one that predicts the latents."""

    Options = LinearOptions
    averaged = ("generator",)
    about = "linear generator and encoder"

    def __init__(self, options: LinearOptions, spec: ImageSpec) -> None:
        super().__init__(options, spec)
        self.latent_shape = (options.latent_size,)
        pixels = spec.channels * spec.width * spec.height
        self.generator = nn.Linear(options.latent_size, pixels)
        self.encoder = nn.Linear(pixels, options.latent_size)

    def phases(self) -> tuple[Phase, ...]:
        return (
            Phase(name="generator", networks=(self.generator,), loss=self.generator_loss),
            Phase(name="encoder", networks=(self.encoder,), loss=self.encoder_loss),
        )

    def generator_loss(self, batch: Batch, rng: Rng) -> Loss:
        made = self.generate(rng.normal(len(batch), self.options.latent_size))
        return (made - batch.images).square().mean(), {}

    def encoder_loss(self, batch: Batch, rng: Rng) -> Loss:
        latents = rng.normal(len(batch), self.options.latent_size)
        with torch.no_grad():
            made = self.generate(latents)
        return (self.encoder(made.flatten(1)) - latents).square().mean(), {}

    def generate(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        shape = (self.spec.channels, *self.spec.size.shape)
        return self.generator(latents).tanh().unflatten(1, shape)


def variant(**members: Any) -> type[Method]:
    """`Linear` with some members replaced."""
    return type("Variant", (Linear,), members)
