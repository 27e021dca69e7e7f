from dataclasses import dataclass

import pytest
from torch import Tensor

from reverie import testing
from reverie.core.rng import Rng
from reverie.data import Batch, ImageSpec
from reverie.methods import Method, MethodOptions, Preview
from reverie.methods.base import Loss
from reverie.methods.recipe import Preset
from reverie.testing import Check, subject_of
from tests.testing.linear import Linear, LinearOptions, variant


class NotFinite(Linear):
    def generator_loss(self, batch: Batch, rng: Rng) -> Loss:
        loss = super().generator_loss(batch, rng)[0]
        return loss, {"part": loss.detach() / 0 if batch.images.shape[1] == 3 else loss}


class OddPreview(Linear):
    def previews(
        self, latents: Tensor | None, labels: Tensor | None, batch: Batch
    ) -> dict[str, Preview]:
        return {"odd": Preview(batch.images[:, :, 1:])}


class Counts(Linear):
    """A loss that depends on how often it was computed in this process."""

    def __init__(self, options: LinearOptions, spec: ImageSpec) -> None:
        super().__init__(options, spec)
        self.calls = 0

    def generator_loss(self, batch: Batch, rng: Rng) -> Loss:
        self.calls += 1
        return self.calls * super().generator_loss(batch, rng)[0], {}


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
        (Counts, testing.check_resuming, "must be the same after an interruption"),
        (NotFinite, testing.check_losses, "'part' must be finite, and is not for images of 32×32"),
        (OddPreview, testing.check_previews, "must be .1, 28, 28., not .1, 27, 28."),
    ],
)
def test_a_broken_promise_is_named(kind: type[Method], check: Check, sentence: str) -> None:
    with pytest.raises(AssertionError, match=sentence):
        check(subject_of(kind))


def test_an_option_that_all_trainings_have_is_refused() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Doubled(LinearOptions):
        """Options with a second batch size."""

        batch_size: int = 3
        """Images in a batch."""

    with pytest.raises(AssertionError, match=r"must not have \{'batch_size'\}"):
        testing.check_flags(subject_of(variant(Options=Doubled)))
