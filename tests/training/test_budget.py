import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import reverie
from reverie.core.errors import UserError
from reverie.methods.recipe import DEFAULT_STEPS, TrainOptions
from reverie.runs.run import Run
from reverie.training.budget import Budget, complete_at
from reverie.training.state import Counters


@given(
    epochs=st.floats(0, 20),
    count=st.integers(1, 1000),
    batch_size=st.integers(1, 64),
    accumulate=st.integers(1, 4),
    processes=st.integers(1, 4),
)
def test_epochs_are_the_fewest_steps_that_show_as_many_images(
    epochs: float, count: int, batch_size: int, accumulate: int, processes: int
) -> None:
    options = TrainOptions(epochs=epochs, batch_size=batch_size, accumulate=accumulate)
    budget = Budget.of(options, count, processes)
    assert budget.seconds is None
    assert budget.steps is not None
    step = batch_size * accumulate * processes
    assert budget.steps * step >= epochs * count - 1e-6
    assert (budget.steps - 1) * step < epochs * count + 1e-6


def test_lengths() -> None:
    assert Budget.of(TrainOptions(minutes=1.5), 10, 1) == Budget(None, 90.0)
    assert Budget.of(TrainOptions(steps=7), 10, 1) == Budget(7, None)
    assert Budget.of(TrainOptions(steps=0), 10, 1) == Budget(0, None)
    assert Budget.of(TrainOptions(), 10, 1) == Budget(DEFAULT_STEPS, None)


@given(steps=st.integers(1, 100), step=st.integers(0, 200))
def test_the_fraction_of_steps(steps: int, step: int) -> None:
    assert Budget(steps, None).fraction(Counters(step, 1e9)) == min(step / steps, 1)


def test_the_fraction_of_time() -> None:
    assert Budget(None, 60.0).fraction(Counters(10**6, 15.0)) == 0.25
    assert Budget(None, 60.0).fraction(Counters(0, 61.0)) == 1
    assert Budget(0, None).fraction(Counters()) == 1
    assert Budget(None, 0.0).fraction(Counters(1, 1.0)) == 1


def test_a_run_with_nothing_left_to_train(tmp_path: Path) -> None:
    options = {"data": "digits", "batch_size": 4, "steps": 2, "hidden": (8,), "latent_size": 3}
    done = reverie.train("vae", out=tmp_path / "run", **options)
    assert done.summary() == f"2 steps in 0:00: {done.report}"
    run = Run(tmp_path / "run")
    recipe = run.recipe()
    header = complete_at(run, recipe)
    assert header is not None
    assert (header.step, header.processes) == (2, 1)
    assert complete_at(run, recipe.with_options(steps=3)) is None
    with pytest.raises(UserError, match="this run has already 2 steps, and a length of 1"):
        complete_at(run, recipe.with_options(steps=1))
    again = reverie.train(out=run.folder, resume=True)
    assert again.summary() == (
        f"{run.folder} is complete, 2 steps in 0:00: nothing was left to train; "
        f"reverie train --out {run.folder} --resume --steps 4 trains on"
    )
    more = reverie.train(out=run.folder, resume=True, steps=3)
    assert more.summary() == f"3 steps in 0:00: {more.report}"
    shutil.rmtree(run.model)  # is written again
    assert complete_at(run, run.recipe()) is None
    for damaged in run.checkpoints.glob("*.safetensors"):
        damaged.write_bytes(b"")
    assert complete_at(run, run.recipe()) is None
