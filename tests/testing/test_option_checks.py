import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reverie import testing
from reverie.core.rng import Rng
from reverie.data import Batch, ImageSpec
from reverie.methods import Method, Phase
from reverie.methods.base import Loss
from reverie.testing import Check, subject_of
from tests.testing.linear import Linear, LinearOptions, variant


class Forgotten(Linear):
    def phases(self) -> tuple[Phase, ...]:
        return super().phases()[:1]


class Elsewhere(Linear):
    """Trains a network that is not its own."""

    outside = (nn.Linear(2, 2),)

    def phases(self) -> tuple[Phase, ...]:
        return (*super().phases(), Phase(name="x", networks=self.outside, loss=self.encoder_loss))


class Unmoved(Linear):
    def encoder_loss(self, batch: Batch, rng: Rng) -> Loss:
        loss = self.generator_loss(batch, rng)[0]
        return loss + 0 * sum(p.sum() for p in self.encoder.parameters()), {}


class NeedsOthers(Linear):
    """The encoder's gradient depends on whether the generator is frozen."""

    def encoder_loss(self, batch: Batch, rng: Rng) -> Loss:
        loss = super().encoder_loss(batch, rng)[0]
        return (loss if next(self.generator.parameters()).requires_grad else 2 * loss), {}


class Constant(Linear):
    def generator_loss(self, batch: Batch, rng: Rng) -> Loss:
        return 1 + 1e-6 * super().generator_loss(batch, rng)[0], {}


class GlobalNoise(Linear):
    """Draws from a generator of its own, which is not seeded."""

    source = torch.Generator()

    def generator_loss(self, batch: Batch, rng: Rng) -> Loss:
        latents = torch.randn(len(batch), self.options.latent_size, generator=self.source)
        return (self.generate(latents) - batch.images).square().mean(), {}


class DefaultNoise(Linear):
    """Draws from PyTorch's default generator."""

    def generator_loss(self, batch: Batch, rng: Rng) -> Loss:
        latents = torch.randn(len(batch), self.options.latent_size)
        return (self.generate(latents) - batch.images).square().mean(), {}


class FunctionalDropout(Linear):
    """Leaves elements out without a layer, which nobody can give a generator."""

    def encoder_loss(self, batch: Batch, rng: Rng) -> Loss:
        latents = rng.normal(len(batch), self.options.latent_size)
        made = F.dropout(self.generate(latents).detach(), 0.5)
        return (self.encoder(made.flatten(1)) - latents).square().mean(), {}


class LayerDropout(Linear):
    """Has a layer of PyTorch's dropout, which gets a generator."""

    def __init__(self, options: LinearOptions, spec: ImageSpec) -> None:
        super().__init__(options, spec)
        self.encoder = nn.Sequential(nn.Dropout(0.2), self.encoder)


class BatchStatistics(Linear):
    def generate(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        return super().generate(latents - latents.mean(0), labels)


class Deaf(Linear):
    """Generates one and the same image."""

    def generate(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        return 0 * super().generate(latents)


class Unsaved(Linear):
    """Keeps a part of the generator outside of its buffers."""

    def __init__(self, options: LinearOptions, spec: ImageSpec) -> None:
        super().__init__(options, spec)
        self.shift = torch.rand((), device="cpu").item()

    def generate(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        return (super().generate(latents) + self.shift).tanh()


@pytest.mark.parametrize(
    ("kind", "check", "sentence"),
    [
        (Forgotten, testing.check_networks, "encoder.weight must be trained"),
        (variant(frozen=("encoder",)), testing.check_networks, "must not be trained"),
        (Elsewhere, testing.check_networks, "must be an attribute of the method"),
        (Unmoved, testing.check_phases, "phase 'encoder' must move its networks, but only 0 of"),
        (NeedsOthers, testing.check_phases, "must have the same gradients"),
        (Constant, testing.check_overfitting, "the loss of phase 'generator' must fall"),
        (GlobalNoise, testing.check_determinism, "draw all random numbers from the Rng"),
        (DefaultNoise, testing.check_determinism, "draw all random numbers from the Rng"),
        (FunctionalDropout, testing.check_determinism, "leave dropout to layers"),
        (BatchStatistics, testing.check_samples, "must depend on its own latent alone"),
        (Deaf, testing.check_samples, "different seeds must give different images"),
    ],
)
def test_a_broken_promise_is_named(kind: type[Method], check: Check, sentence: str) -> None:
    with pytest.raises(AssertionError, match=sentence):
        check(subject_of(kind))


def test_a_layer_of_dropout_keeps_the_promises() -> None:
    testing.check_determinism(subject_of(LayerDropout))
    testing.check_resuming(subject_of(LayerDropout))


def test_inference_needs_what_is_saved() -> None:
    seeds = iter((0.1, 0.2, 0.3))

    class Seeded(Unsaved):
        def __init__(self, options: LinearOptions, spec: ImageSpec) -> None:
            super().__init__(options, spec)
            self.shift = next(seeds)

    with pytest.raises(AssertionError, match="sample must be the same after saving and loading"):
        testing.check_saving(subject_of(Seeded))
