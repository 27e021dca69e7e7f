"""Callbacks: when each is called, what it sees, and how it stops a training."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

import reverie
from reverie.core.errors import UserError
from reverie.runs.run import Run
from reverie.training.callbacks import Training, checked_callbacks

SMALL: dict[str, Any] = {"data": "digits", "hidden": (8,), "batch_size": 4, "precision": "fp32"}


class Diary(reverie.Callback):
    """Writes down what is called."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def on_begin(self, training: Training) -> None:
        self.calls.append(f"begin {training.step}")

    def on_step(self, training: Training) -> None:
        self.calls.append(f"step {training.step}")

    def on_log(self, training: Training, line: Mapping[str, Any]) -> dict[str, float]:
        assert line["losses"]["bound"] > 0
        self.calls.append(f"log {line['step']}")
        return {"own/double": 2.0 * training.step}

    def on_sample(self, training: Training, sheets: Mapping[str, Path]) -> None:
        assert all(path.is_file() for path in sheets.values())
        self.calls.append(f"sample {training.step} {sorted(sheets)}")

    def on_checkpoint(self, training: Training) -> None:
        assert training.run.newest_checkpoint() is not None
        self.calls.append(f"checkpoint {training.step}")

    def on_end(self, training: Training) -> None:
        self.calls.append(f"end {training.fraction}")


def test_each_is_called_when_it_says(tmp_path: Path) -> None:
    diary, out = Diary(), tmp_path / "run"
    every: dict[str, Any] = {"log_every": 2, "sample_every": 100, "checkpoint_every": 2}
    reverie.train("vae", out=out, steps=3, callbacks=[diary], **SMALL, **every)
    kinds = "['reconstructions', 'samples']"
    assert diary.calls == [
        "begin 0", f"sample 0 {kinds}", "step 1", "log 1", "step 2", "log 2", "checkpoint 2",
        "step 3", "log 3", f"sample 3 {kinds}", "checkpoint 3", "end 1.0",
    ]  # fmt: skip
    assert [line["numbers"] for line in Run(out).read_log()] == [
        {"own/double": 2.0}, {"own/double": 4.0}, {"own/double": 6.0},
    ]  # fmt: skip
    assert "own/double" in Run(out).report.read_text()
    again = Diary()
    reverie.train("vae", out=out, resume=True, steps=4, callbacks=[again])
    assert again.calls[:2] == ["begin 3", "step 4"]


class Stop(reverie.Callback):
    def __init__(self, step: int) -> None:
        self.step = step

    def on_step(self, training: Training) -> None:
        if training.step >= self.step:
            raise reverie.StopTraining("it is good enough")


def test_stopping_is_finishing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    result = reverie.train("vae", out=out, steps=9, callbacks=[Stop(2), Stop(2)], **SMALL)
    assert (result.steps, result.finished, result.exit_code) == (2, True, 0)
    assert capsys.readouterr().err.count("Stop stops the training: it is good enough") == 1
    assert Run(out).model.is_dir()
    checkpoint = Run(out).newest_checkpoint()
    assert checkpoint is not None
    assert checkpoint.step == 2
    assert reverie.train(out=out, resume=True).steps == 9
    assert reverie.train("vae", out=tmp_path / "b", steps=9, callbacks=[Stop(0)], **SMALL).finished


def test_they_do_not_change_what_is_trained(tmp_path: Path) -> None:
    class Draws(reverie.Callback):
        def on_step(self, training: Training) -> None:
            torch.rand(3)
            assert training.averaged.training is False
            assert training.learning_rate == 1e-3

    models = []
    for name, callbacks in (("a", [Draws(), Diary()]), ("b", [])):
        reverie.train("vae", out=tmp_path / name, steps=3, callbacks=callbacks, **SMALL)
        models.append(reverie.load(tmp_path / name).sample(4))
    assert torch.equal(*models)


def test_an_exception_of_a_callback_is_its_own(tmp_path: Path) -> None:
    class Broken(reverie.Callback):
        def on_step(self, training: Training) -> None:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        reverie.train("vae", out=tmp_path / "run", steps=3, callbacks=[Broken()], **SMALL)
    assert reverie.train(out=tmp_path / "run", resume=True).finished


@pytest.mark.parametrize("wrong", [[3], print, [reverie.Callback], "norms", None])
def test_what_is_no_callback_is_refused_at_once(tmp_path: Path, wrong: Any) -> None:
    with pytest.raises(UserError, match=r"a list of reverie\.Callback objects"):
        reverie.train("vae", out=tmp_path / "run", callbacks=wrong, **SMALL)
    assert not (tmp_path / "run").exists()


def test_a_misspelt_event_is_refused_at_once(tmp_path: Path) -> None:
    class Misspelt(reverie.Callback):
        def on_stp(self, training: Training) -> None: ...
        def on_button(self) -> None: ...

    with pytest.raises(UserError, match="Misspelt has a method 'on_stp'; did you mean 'on_step'"):
        reverie.train("vae", data="digits", out=tmp_path / "run", callbacks=[Misspelt()])
    assert not (tmp_path / "run").exists()


def test_other_arguments_are_refused_at_once() -> None:
    class Logs(reverie.Callback):
        def on_log(self, line: Any) -> None:  # type: ignore[override]
            raise AssertionError

    class Steps(reverie.Callback):
        on_step = 3  # type: ignore[assignment]

    class Takes(reverie.Callback):
        def on_log(self, *given: Any) -> None:
            return None

    with pytest.raises(UserError, match=r"take what .*: def on_log\(self, training, line\)\.$"):
        checked_callbacks([Logs()])
    with pytest.raises(UserError, match=r"def on_step\(self, training\)"):
        checked_callbacks([Steps()])
    checked_callbacks([Takes(), reverie.Callback()])


def test_on_log_returns_numbers(tmp_path: Path) -> None:
    class Words(reverie.Callback):
        def on_log(self, training: Training, line: Mapping[str, Any]) -> Any:
            return {"mood": "good"}

    with pytest.raises(UserError, match="on_log must return numbers by name: a number, not 'good'"):
        reverie.train("vae", out=tmp_path / "run", steps=1, callbacks=[Words()], **SMALL)
