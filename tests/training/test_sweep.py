import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from safetensors.torch import load_file

import reverie
from reverie.core.errors import UserError
from reverie.core.result import Json
from reverie.runs.run import Run
from reverie.training import child, monitor
from reverie.training import sweep as engine
from reverie.training.child import Ending
from reverie.training.train import train

SMALL: dict[str, Any] = {
    "data": "digits", "hidden": (8,), "batch_size": 4, "steps": 2, "log_every": 1,
}  # fmt: skip


class Inside:
    """A child's work in this process; `failing` names runs that fail."""

    begun: ClassVar[list[str]] = []
    failing: ClassVar[set[str]] = set()

    def __init__(
        self, method: str, folder: Path, options: Mapping[str, Json], threads: int | None
    ) -> None:
        self.begun.append(folder.name)
        self._ending = Ending(False, "the loss became nan.")
        if folder.name not in self.failing:
            resume = Run(folder).exists()
            changes: Any = {} if resume else options
            self._ending = Ending(train(method, folder, resume=resume, changes=changes).finished)

    runs = False

    def ending(self, name: str) -> Ending:
        return self._ending


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Trainings happen in this process; the names of the runs that were begun."""
    monkeypatch.setattr(engine, "Child", Inside)
    monkeypatch.setattr(engine, "SECONDS_BETWEEN_LOOKS", 0.0)
    monkeypatch.setattr(engine, "write_page", lambda *_: None)  # takes longer than all else
    monkeypatch.setattr(monitor, "write_report", lambda *_: None)
    monkeypatch.setattr(Inside, "begun", [])
    monkeypatch.setattr(Inside, "failing", set())
    return Inside.begun


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def sweep(out: Path, axes: Mapping[str, Any], **options: Any) -> engine.SweepResult:
    return reverie.sweep("gan", axes, out=out, **(SMALL | options))


def test_values_are_added_and_finished_runs_are_kept(tmp_path: Path, begun: list[str]) -> None:
    out = tmp_path / "sweep"
    first = sweep(out, {"latent_size": [2], "seed": [0, 1]})
    assert begun == ["latent_size=2,seed=0", "latent_size=2,seed=1"]
    assert first.exit_code == 0
    record = json.loads((out / "sweep.json").read_text())
    assert [run["state"] for run in record["runs"]] == ["finished"] * 2
    assert record["settings"][0]["figures"]["loss generator"]["runs"] == 2
    before = files_of(out / "latent_size=2,seed=0")
    result = sweep(out, {"seed": [1, 0], "latent_size": [4, 2]})
    assert begun[2:] == ["latent_size=4,seed=1", "latent_size=4,seed=0"]
    assert [run.state for run in result.runs] == ["finished"] * 4
    assert files_of(out / "latent_size=2,seed=0") == before
    Run(out / begun[0]).model.rename(tmp_path / "elsewhere")
    sweep(out, {"seed": [1, 0], "latent_size": [4, 2]})
    assert begun[4:] == [begun[0]]
    refused(out, begun)


def refused(out: Path, begun: list[str]) -> None:
    """What differs from the sweep that is there is refused, and nothing is changed."""
    before, count = files_of(out), len(begun)
    axes = {"seed": [0, 1], "latent_size": [2, 4]}
    for changed, options, message in [
        ({"seed": [0], "latent_size": [2, 4]}, {}, "also has latent_size=4,seed=1"),
        ({"seed": [0, 1]}, {}, "goes through latent_size and seed: give values for these"),
        (axes | {"hidden": [(4,)]}, {}, "hidden is given as one value and as several"),
        (axes, {"steps": 3}, "has --steps 2, not 3: leave it as it was"),
        (axes, {"hidden": (4,)}, "has --hidden .8., not .4."),
    ]:
        with pytest.raises(UserError, match=message):
            sweep(out, changed, **options)
    with pytest.raises(UserError, match="is a sweep of gan, not of vae"):
        reverie.sweep("vae", axes, out=out, data="digits")
    assert files_of(out) == before
    assert len(begun) == count


def test_one_failure_stops_no_other_and_is_tried_again(
    tmp_path: Path, begun: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    Inside.failing = {"seed=0"}
    result = sweep(tmp_path / "sweep", {"seed": [0, 1]})
    assert [(run.state, run.error) for run in result.runs] == [
        ("failed", "the loss became nan."), ("finished", None),
    ]  # fmt: skip
    assert result.exit_code == 1
    assert "seed=0 failed: the loss became nan." in result.summary()
    assert "note: seed=0 failed: the loss became nan." in capsys.readouterr().err
    Inside.failing = set()
    result = sweep(tmp_path / "sweep", {"seed": [0, 1]})
    assert begun == ["seed=0", "seed=1", "seed=0"]
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("axes", "options", "message"),
    [
        ({"seed": [0], "latent_size": [2, -1]}, {}, "--latent-size must be at least 1, not -1"),
        ({"data": ["digits", "nowhere"]}, {"data": None}, "nowhere"),
        ({"precision": ["fp32", "fp16"]}, {}, "fp16 needs a GPU"),
        ({"evaluate_count": [100, 1]}, {"evaluate_every": 1}, "--evaluate-count must be at least"),
        ({"init": ["nowhere-at-all"]}, {}, "nowhere-at-all"),
        ({"track": [("nothing",)]}, {}, "there is no tracker 'nothing'"),
        ({"seed": [0]}, {"jobs": 0}, "--jobs must be at least 1, not 0"),
        ({"seed": [0]}, {"preset": "none"}, "gan has no preset 'none'"),
    ],
)
def test_all_is_checked_before_the_first_training(
    tmp_path: Path, begun: list[str], axes: dict[str, Any], options: dict[str, Any], message: str
) -> None:
    given = {k: v for k, v in (SMALL | options).items() if k not in axes}
    with pytest.raises(UserError, match=message):
        reverie.sweep("gan", axes, out=tmp_path / "sweep", **given)
    assert begun == []
    assert not (tmp_path / "sweep").exists()


def test_folders_of_others_are_refused(tmp_path: Path, begun: list[str]) -> None:
    axes = {"seed": [0]}
    cases = [
        ("options.json", "{}", "holds a run, not a sweep"),
        ("sweep.html", "mine", "was not made by reverie"),
        ("sweep.json", "[1]", "sweep.json"),
        ("sweep.json", '{"sweep": {"method": 3}, "runs": []}', "is no record of a sweep"),
        ("seed=0/options.json", "{}", "holds a run that is not of this sweep"),
    ]
    for number, (name, content, message) in enumerate(cases):
        file = tmp_path / str(number) / name
        file.parent.mkdir(parents=True)
        file.write_text(content)
        folder = file.parent.parent if "/" in name else file.parent
        with pytest.raises(UserError, match=message):
            sweep(folder, axes)
        assert file.read_text() == content
    assert begun == []


class Elsewhere(reverie.METHODS["gan"]):
    """A method that no other process can import."""


def test_a_class_of_a_notebook_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Elsewhere, "__module__", "__main__")
    monkeypatch.setattr(reverie.METHODS, "_registered", {})
    with pytest.raises(UserError, match="put it into a module"):
        reverie.sweep(Elsewhere, {"seed": [0]}, out=tmp_path / "sweep", data="digits")


def test_ctrl_c_reaches_each_child_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "import pathlib, signal, sys, time\n"
        "def stop(number, frame):\n"
        f"    with open({str(tmp_path / 'told')!r}, 'a') as file: file.write('x')\n"
        "signal.signal(signal.SIGTERM, stop)\n"
        "signal.signal(signal.SIGINT, stop)\n"
        f"open({str(tmp_path / 'ready')!r}, 'a').write('x')\n"
        "time.sleep(0.1)\n"
        f"while not pathlib.Path({str(tmp_path / 'told')!r}).exists(): time.sleep(0.05)\n"
        "time.sleep(0.7)\n"
        "print('{\"finished\": false}')\n"
    )
    monkeypatch.setattr(child, "COMMAND", [sys.executable, "-c", code])
    monkeypatch.setattr(engine, "write_page", lambda *_: None)

    def interrupt() -> None:
        while not (tmp_path / "ready").exists() or len((tmp_path / "ready").read_text()) < 2:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    result = sweep(tmp_path / "sweep", {"seed": [0, 1, 2]}, jobs=2)
    thread.join()
    assert (tmp_path / "told").read_text() == "xx"
    assert [run.state for run in result.runs] == ["stopped", "stopped", "waiting"]
    assert result.exit_code == 130
    assert "not finished: 3 of 3 runs; the same command goes on" in result.summary()


@pytest.mark.parametrize("count", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_killed_in_the_middle_and_again(
    tmp_path: Path, environment: dict[str, str], count: int
) -> None:
    """SIGKILL, with up to two trainings at a time; then the same command ends in the weights of a
    training alone. What the killed one had begun notices it, saves and leaves."""
    out, steps, seeds = tmp_path / "sweep", 200, list(range(count))
    words = ["seed=" + ",".join(map(str, seeds)), "--data", "digits", "--hidden", 8, "--jobs", 2]
    words += ["--batch-size", 4, "--steps", steps, "--checkpoint-every", 20, "--out", out]
    command = [sys.executable, "-m", "reverie", "sweep", "gan", *map(str, words)]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    runs = [Run(out / f"seed={seed}") for seed in seeds]
    while not all(list(run.checkpoints.glob("*.safetensors")) for run in runs[:2]):
        assert process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.wait()
    options = {"data": "digits", "hidden": (8,), "batch_size": 4, "steps": steps}
    options["checkpoint_every"] = 20
    result = reverie.sweep("gan", {"seed": seeds}, out=out, jobs=2, **options)
    assert [run.state for run in result.runs] == ["finished"] * count
    assert result.page.read_text().count("<svg") == 4
    alone = Run(tmp_path / "alone")
    reverie.train("gan", out=alone.folder, seed=seeds[-1], **options)
    one, other = (load_file(r.model / "model.safetensors") for r in (alone, runs[-1]))
    assert all(torch.equal(one[name], other[name]) for name in one)
