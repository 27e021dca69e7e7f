from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from reverie.core.errors import UserError
from reverie.data import Batch, ImageSpec
from reverie.methods import METHODS, Encodes, Method, Phase, Samples, Translates
from reverie.methods.base import FakeQueue, Preview
from reverie.methods.capabilities import cycle_labels, describe_capabilities, require
from reverie.methods.options import MethodOptions


class Plain(Method):
    """Two networks and no capability."""

    Options = MethodOptions
    averaged = ("one",)
    about = "a toy"

    def __init__(self, width: int = 3) -> None:
        super().__init__(MethodOptions(), ImageSpec(1, 4))
        self.one, self.two = nn.Linear(4, 3), nn.Linear(3, width)

    def phases(self) -> tuple[Phase, ...]:
        return ()


class Sampler(Plain):
    """Makes one-pixel images."""

    latent_shape = (3,)

    def generate(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.two(latents)[:, :1, None, None]


class Both(Sampler):
    """Encodes as well."""

    def encode(self, images: Tensor) -> Tensor:
        return self.one(images.flatten(1))


def test_capabilities_in_words() -> None:
    assert describe_capabilities(Plain()) == "it cannot be used by itself"
    assert describe_capabilities(Sampler()) == "it generates images from noise (sample)"
    assert describe_capabilities(Both()) == (
        "it generates images from noise (sample) and encodes images into latents (reconstruct)"
    )


def test_a_capability_is_required() -> None:
    both = Both()
    assert require(both, Samples, "m") is both
    assert require(both, Encodes, "m") is both
    with pytest.raises(UserError) as refused:
        require(Sampler(), Encodes, "runs/x")
    assert str(refused.value) == (
        "runs/x is no model that encodes images into latents: "
        "it generates images from noise (sample)."
    )
    with pytest.raises(UserError, match="cannot be used by itself"):
        require(Plain(), Translates, "m")


@given(st.lists(st.sampled_from(["push", "pop"]), max_size=30))
def test_the_queue_is_first_in_first_out(actions: list[str]) -> None:
    queue: FakeQueue[int] = FakeQueue()
    expected: list[int] = []
    computed = []

    def recompute() -> int:
        computed.append(-1)
        return -1

    for number, action in enumerate(actions):
        if action == "push":
            queue.push(number)
            expected.append(number)
        else:
            empty = not expected
            before = len(computed)
            assert queue.pop(recompute) == (-1 if empty else expected.pop(0))
            assert len(computed) - before == empty  # only where it is needed


@given(count=st.integers(0, 30), classes=st.integers(1, 7))
def test_labels_take_turns(count: int, classes: int) -> None:
    assert cycle_labels(count, classes).tolist() == [n % classes for n in range(count)]


def test_matching_networks_are_copied() -> None:
    mine, theirs = Plain(), Plain()
    assert mine.load_matching(theirs) == ["one", "two"]
    assert torch.equal(mine.one.weight, theirs.one.weight)
    mine, other = Plain(), Plain(width=5)
    before = mine.two.weight.clone()
    assert mine.load_matching(other) == ["one"]
    assert torch.equal(mine.one.weight, other.one.weight)
    assert torch.equal(mine.two.weight, before)


def test_previews_are_samples_where_there_are_any() -> None:
    batch = Batch(torch.zeros(2, 1, 4, 4))
    latents = torch.ones(5, 3)
    sampler = Sampler()
    shown = sampler.previews(latents, None, batch)
    assert shown.keys() == {"samples"}
    assert torch.equal(shown["samples"].images, sampler.generate(latents))
    assert shown["samples"].columns is None
    assert sampler.previews(None, None, batch) == {}
    assert Plain().previews(latents, None, batch) == {}


@pytest.mark.parametrize(("count", "columns"), [(1, 8), (2, 8), (3, 6), (5, 5), (9, 9)])
def test_groups_of_a_preview_stay_together(count: int, columns: int) -> None:
    """Each row of the sheet holds whole groups: image i of each argument, side by side."""
    sets = [
        torch.full((4, 1, 2, 2), float(n)) + torch.arange(4.0).view(4, 1, 1, 1) / 10
        for n in range(count)
    ]
    shown = Preview.of_groups(*sets)
    assert shown.columns == columns
    assert shown.images[:, 0, 0, 0].tolist() == pytest.approx(
        [n + image / 10 for image in range(4) for n in range(count)]
    )


def test_inherited_options_are_those_of_the_model_of_init() -> None:
    kind = METHODS["srgan"]
    start_kind = METHODS["srresnet"]
    options = start_kind.Options(scale=2, width=8, blocks=3, learning_rate=0.5)  # type: ignore[call-arg]
    start = start_kind(options, ImageSpec(3, 24))
    mine = kind.inherit_options(kind.Options(), start, "srresnet")
    assert (mine.scale, mine.width, mine.blocks) == (2, 8, 3)
    assert mine.learning_rate == kind.Options().learning_rate


@pytest.mark.parametrize("name", ["learning_rate"])
def test_options_are_checked(name: str) -> None:
    make: Callable[..., MethodOptions] = MethodOptions
    with pytest.raises(UserError, match="--learning-rate must be at least 0"):
        make(**{name: -1.0})


def test_the_defaults_are_a_preset() -> None:
    assert Plain.default_preset().options == MethodOptions()
    assert Plain().diagnostics({"loss": 1.0}) == []
    assert Plain.data_scale(MethodOptions()) == 1
