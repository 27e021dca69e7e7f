"""`check_method` finds what is wrong with a method, and says it."""

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from reverie import testing
from reverie.core.errors import UserError
from reverie.core.rng import Rng
from reverie.data import Batch, ImageSpec
from reverie.methods import METHODS, Method, MethodOptions, Phase
from reverie.methods.base import Loss
from reverie.methods.recipe import Preset
from reverie.testing import Check, check_method, subject_of


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
        pixels = spec.channels * spec.image_size**2
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
        size = self.spec.image_size
        return self.generator(latents).tanh().unflatten(1, (self.spec.channels, size, size))


@pytest.fixture(autouse=True)
def _forget_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(METHODS, "_registered", {})


def variant(**members: Any) -> type[Method]:
    """`Linear` with some members replaced."""
    return type("Variant", (Linear,), members)


def test_a_good_method_passes() -> None:
    before = torch.random.get_rng_state()
    check_method(Linear)
    check_method(Linear, options={"latent_size": 2})
    assert torch.equal(torch.random.get_rng_state(), before)
    assert METHODS["linear"] is Linear


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
        self.shift = torch.rand(()).item()

    def generate(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        return (super().generate(latents) + self.shift).tanh()


class Counts(Linear):
    """A loss that depends on how often it was computed in this process."""

    def __init__(self, options: LinearOptions, spec: ImageSpec) -> None:
        super().__init__(options, spec)
        self.calls = 0

    def generator_loss(self, batch: Batch, rng: Rng) -> Loss:
        self.calls += 1
        return self.calls * super().generator_loss(batch, rng)[0], {}


class NotFinite(Linear):
    def generator_loss(self, batch: Batch, rng: Rng) -> Loss:
        loss = super().generator_loss(batch, rng)[0]
        return loss, {"part": loss.detach() / 0 if batch.images.shape[1] == 3 else loss}


class OddPreview(Linear):
    def previews(
        self, latents: Tensor | None, labels: Tensor | None, batch: Batch
    ) -> dict[str, Tensor]:
        return {"odd": batch.images[:, :, 1:]}


@pytest.mark.parametrize(
    ("kind", "check", "sentence"),
    [
        (variant(averaged=("writer",)), testing.check_declarations, "averaged names 'writer'"),
        (variant(about=""), testing.check_declarations, "must describe the method"),
        (
            variant(presets={"x": Preset(about="x", options=MethodOptions())}),
            testing.check_presets,
            "preset 'x' must be of the class LinearOptions",
        ),
        (Forgotten, testing.check_networks, "encoder.weight must be trained"),
        (variant(frozen=("encoder",)), testing.check_networks, "must not be trained"),
        (Elsewhere, testing.check_networks, "must be an attribute of the method"),
        (Unmoved, testing.check_phases, "phase 'encoder' must move its networks, but only 0 of"),
        (NeedsOthers, testing.check_phases, "must have the same gradients"),
        (Constant, testing.check_overfitting, "the loss of phase 'generator' must fall"),
        (GlobalNoise, testing.check_determinism, "draw all random numbers from the Rng"),
        (BatchStatistics, testing.check_samples, "must depend on its own latent alone"),
        (Deaf, testing.check_samples, "different seeds must give different images"),
        (Counts, testing.check_resuming, "must be the same after an interruption"),
        (NotFinite, testing.check_losses, "'part' must be finite, and is not for images of 3×32"),
        (OddPreview, testing.check_previews, "must be .1, 28, 28., not .1, 27, 28."),
    ],
)
def test_a_broken_promise_is_named(kind: type[Method], check: Check, sentence: str) -> None:
    with pytest.raises(AssertionError, match=sentence):
        check(subject_of(kind))


def test_inference_needs_what_is_saved() -> None:
    seeds = iter((0.1, 0.2, 0.3))

    class Seeded(Unsaved):
        def __init__(self, options: LinearOptions, spec: ImageSpec) -> None:
            super().__init__(options, spec)
            self.shift = next(seeds)

    with pytest.raises(AssertionError, match="sample must be the same after saving and loading"):
        testing.check_saving(subject_of(Seeded))


def test_refused_sizes_are_left_out() -> None:
    built: list[int] = []

    class Small(Linear):
        def __init__(self, options: LinearOptions, spec: ImageSpec) -> None:
            if spec.image_size > 32:
                raise UserError("too large.")
            built.append(spec.image_size)
            super().__init__(options, spec)

    testing.check_losses(subject_of(Small))
    assert sorted(set(built)) == [28, 32]
