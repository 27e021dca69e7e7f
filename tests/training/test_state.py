from typing import Any

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from torch import nn

from reverie.core.errors import UserError
from reverie.core.rng import Rng
from reverie.data import Batch, ImageSpec
from reverie.methods import Method, MethodOptions, Phase
from reverie.methods.recipe import TrainOptions
from reverie.training import convolutions
from reverie.training.loop import update
from reverie.training.state import Counters, TrainState

RNG = Rng(torch.Generator())


class Toy(Method):
    """Two networks, three phases, one of the networks with an EMA."""

    Options = MethodOptions
    averaged = ("left",)
    about = "a toy"

    def __init__(self) -> None:
        super().__init__(MethodOptions(learning_rate=0.1), ImageSpec(3, 4))
        self.left = nn.Sequential(nn.Conv2d(3, 2, 3), nn.BatchNorm2d(2))
        self.right = nn.Linear(3, 2)

    def phases(self) -> tuple[Phase, ...]:
        def left(batch: Batch, rng: Rng) -> Any:
            return self.left(batch.images).square().mean(), {}

        def right(batch: Batch, rng: Rng) -> Any:
            return self.right(batch.images.mean((2, 3))).square().mean(), {}

        return (
            Phase(name="left", networks=(self.left,), loss=left),
            Phase(name="right", networks=(self.right,), loss=right),
            Phase(name="again", networks=(self.left,), loss=left),
        )


def make(**options: Any) -> TrainState:
    torch.manual_seed(0)
    return TrainState(Toy(), TrainOptions(**options), Accelerator(cpu=True))


def test_a_method_may_average_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Toy, "averaged", ())
    state = make(ema_decay=0.5)
    state.average(3)
    present = state.method.state_dict()
    for name, tensor in state.finished_method().state_dict().items():
        assert torch.equal(tensor, present[name])


def train(state: TrainState, steps: int, first: int = 0) -> None:
    for step in range(first, first + steps):
        random = torch.Generator().manual_seed(step)
        batch = Batch(torch.randn(4, 3, 4, 4, generator=random))
        for phase in state.phases:
            update(state, phase, [batch], [RNG], 0.1)
        state.average(step)


def weights(method: Method) -> dict[str, np.ndarray]:
    return {name: tensor.double().numpy().copy() for name, tensor in method.state_dict().items()}


def test_phases_of_the_same_networks_share_an_optimizer() -> None:
    state = make()
    assert [len(networks) for networks in state.optimisers] == [1, 1]
    assert list(state.optimisers) == [(state.method.left,), (state.method.right,)]
    assert not any(p.requires_grad for p in state.method.parameters())


@pytest.mark.parametrize(("ema_decay", "own"), [(0.0, set()), (0.9, {"left"})])
def test_only_networks_with_an_ema_are_copied(ema_decay: float, own: set[str]) -> None:
    state = make(ema_decay=ema_decay)
    train(state, 2)
    theirs = {t.data_ptr() for t in state.method.state_dict().values()}
    named = state.finished_method().state_dict().items()
    assert {name.split(".")[0] for name, t in named if t.data_ptr() not in theirs} == own
    assert not state.averaged.training
    assert state.method.training


def test_the_ema_as_an_equation() -> None:
    """slow ← d slow + (1 - d) fast with d = min(decay, (1 + step) / (10 + step))."""
    state = make(ema_decay=0.4)
    slow = weights(state.averaged)
    for step in range(8):
        train(state, 1, step)
        fast = weights(state.method)
        decay = min(0.4, (1 + step) / (10 + step))
        for name in slow:
            if name == "left.1.num_batches_tracked" or not name.startswith("left"):
                slow[name] = fast[name]  # no EMA
            else:
                slow[name] = decay * slow[name] + (1 - decay) * fast[name]
        made = weights(state.averaged)
        for name in slow:
            np.testing.assert_allclose(made[name], slow[name], atol=1e-5, err_msg=name)


def test_the_method_for_inference() -> None:
    state = make(ema_decay=0.9)
    train(state, 3)
    averaged, now = weights(state.averaged), weights(state.method)
    finished = state.finished_method()
    made = weights(finished)
    assert not finished.training
    assert state.method.training
    for name, values in made.items():
        source = averaged if name.startswith("left") else now
        np.testing.assert_array_equal(values, source[name])
    assert not np.array_equal(made["left.0.weight"], now["left.0.weight"])


def test_without_an_ema_the_current_weights_are_used() -> None:
    state = make(ema_decay=0.0)
    train(state, 2)
    now = weights(state.method)
    for name, values in weights(state.finished_method()).items():
        np.testing.assert_array_equal(values, now[name])
    names = state.checkpoint(Counters(2), {}).tensors
    assert not any(name.startswith("averaged.") for name in names)


@pytest.mark.parametrize("decay", [0.0, 0.9])
def test_a_restored_state_continues_as_if_nothing_had_happened(decay: float) -> None:
    whole = make(ema_decay=decay)
    train(whole, 6)
    half = make(ema_decay=decay)
    train(half, 3)
    checkpoint = half.checkpoint(Counters(3, 1.5), {})
    other = make(ema_decay=decay)
    assert other.restore(checkpoint) == Counters(3, 1.5)
    train(other, 3, 3)
    for one, two in (
        (whole.method, other.method),
        (whole.finished_method(), other.finished_method()),
    ):
        mine, theirs = weights(one), weights(two)
        for name in mine:
            np.testing.assert_array_equal(mine[name], theirs[name], err_msg=name)


def test_the_forms_of_convolutions_go_on_with_the_checkpoint(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A run that chose another form than this machine's cache goes on with its own."""
    monkeypatch.setattr(convolutions, "LEAST_OPERATIONS", 0)
    monkeypatch.setattr(convolutions, "fastest", lambda makers, part: [*makers][-1])
    state = make()
    train(state, 1)
    checkpoint = state.checkpoint(Counters(1), {})
    chosen = checkpoint.facts["convolutions"]
    assert set(chosen.values()) == {"blocks"}
    convolutions.cache_file().write_text("{}")
    monkeypatch.setattr(convolutions, "fastest", lambda makers, part: "usual")
    resumed = make()
    resumed.restore(checkpoint)
    for one in (state, resumed):
        train(one, 2, first=1)
    made, expected = weights(resumed.method), weights(state.method)
    assert all(np.array_equal(made[name], expected[name]) for name in made)
    assert resumed.forms is not None
    assert resumed.forms.chosen == chosen


def test_without_autotune_no_form_is_chosen() -> None:
    state = make(autotune=False)
    assert state.forms is None
    assert "convolutions" not in state.checkpoint(Counters(0), {}).facts


def test_a_checkpoint_is_a_copy() -> None:
    state = make()
    train(state, 1)
    checkpoint = state.checkpoint(Counters(1), {})
    before = {name: tensor.clone() for name, tensor in checkpoint.tensors.items()}
    train(state, 1, 1)
    assert all(torch.equal(checkpoint.tensors[name], tensor) for name, tensor in before.items())
    kinds = {name.split(".")[0] for name in before}
    assert kinds == {"method", "averaged", "optimiser"}
    assert {n.split(".")[1] for n in before if n.startswith("averaged.")} == {"left"}
    assert all(tensor.is_contiguous() for tensor in before.values())


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_not_saved(value: float) -> None:
    state = make()
    with torch.no_grad():
        state.method.right.weight[0, 0] = value  # type: ignore[index]
    with pytest.raises(UserError, match=r"method\.right\.weight is no longer finite at step 7"):
        state.checkpoint(Counters(7), {})


def test_the_learning_rate_of_the_last_update() -> None:
    state = make()
    train(state, 1)
    assert state.learning_rate_now() == 0.1
    update(state, state.phases[0], [Batch(torch.ones(2, 3, 4, 4))], [RNG], 0.05)
    assert state.learning_rate_now() == 0.05
