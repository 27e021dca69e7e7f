"""Logs, sheets and checkpoints by time."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import reverie
from reverie.core.errors import UserError
from reverie.methods.recipe import TrainOptions
from reverie.runs.run import Run
from reverie.training.events import Events
from reverie.training.state import Counters


def steps_of(name: str, events: Events, counters: Counters, pace: float, count: int) -> list[int]:
    """The steps after which an event comes, at `pace` seconds a step."""
    found = []
    for _ in range(count):
        due = events.due(counters)
        counters.step += 1
        counters.seconds += pace
        found += [counters.step] if getattr(due, name) else []
    return found


def test_fast_trainings_go_by_steps_and_slow_ones_by_time() -> None:
    options = TrainOptions(log_every="4 or 10s", sample_every="8 or 1m", checkpoint_every="30s")
    assert steps_of("log", Events(options), Counters(), 0.1, 12) == [1, 4, 8, 12]
    # After 10 seconds, which step 3 has seen when it begins, and then at each fourth step.
    assert steps_of("log", Events(options), Counters(), 5.0, 9) == [1, 3, 4, 6, 8]
    assert steps_of("checkpoint", Events(options), Counters(), 5.0, 20) == [7, 13, 19]


def test_the_first_sheet_is_early_where_sheets_come_by_time() -> None:
    by_time = TrainOptions(sample_every="1000 or 1m")
    assert steps_of("sample", Events(by_time), Counters(), 5.0, 30) == [4, 16, 28]
    assert steps_of("sample", Events(TrainOptions(sample_every=20)), Counters(), 5.0, 30) == [20]
    assert steps_of("sample", Events(TrainOptions(sample_every="10s")), Counters(), 5.0, 6) == [
        3, 5,
    ]  # fmt: skip


def test_a_slow_training_shows_something_within_twenty_seconds() -> None:
    for name in ("log", "sample"):
        steps = steps_of(name, Events(TrainOptions()), Counters(), 2.0, 10)
        assert any(1 < step <= 10 for step in steps), name


def test_times_go_on_where_a_training_is_resumed() -> None:
    events, whole = Events(TrainOptions(checkpoint_every="30s")), Counters()
    expected = steps_of("checkpoint", events, whole, 5.0, 40)
    first = Counters()
    steps = steps_of("checkpoint", events, first, 5.0, 15)
    second = Counters(first.step, first.seconds, events=dict(first.events))
    assert steps + steps_of("checkpoint", events, second, 5.0, 25) == expected


def weights(run: Run) -> dict[str, torch.Tensor]:
    return load_file(run.model / "model.safetensors")


def test_the_weights_do_not_depend_on_it(tmp_path: Path) -> None:
    small = {"data": "digits", "hidden": (8,), "batch_size": 4, "steps": 12, "precision": "fp32"}
    often = {"log_every": "0.001s", "sample_every": "0.001s", "checkpoint_every": "0.001s"}
    reverie.train("vae", out=tmp_path / "a", **small)  # type: ignore[arg-type]
    reverie.train("vae", out=tmp_path / "b", **small | often)  # type: ignore[arg-type]
    seldom, frequent = Run(tmp_path / "a"), Run(tmp_path / "b")
    assert len(frequent.sheets()) > len(seldom.sheets()) == 2
    assert len(frequent.read_log()) > len(seldom.read_log())
    for name, tensor in weights(seldom).items():
        assert torch.equal(tensor, weights(frequent)[name])
    lost = frequent.sheet(13)  # of steps after the newest checkpoint, of a process that was killed
    lost.write_bytes(frequent.sheet(0).read_bytes())
    again = reverie.train("vae", out=tmp_path / "b", resume=True, steps=14, sample_every="1h")
    assert not lost.exists()
    assert again.finished
    assert frequent.recipe().training.sample_every == "1h"


def test_what_is_no_interval_is_refused() -> None:
    with pytest.raises(UserError, match="--log-every must be a number of steps, a time as 30s"):
        TrainOptions(log_every="often")
