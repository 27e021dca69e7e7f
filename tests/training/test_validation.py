import json
from pathlib import Path
from typing import Any

import pytest
import torch

import reverie
from reverie import api
from reverie.cli.main import main
from reverie.core.errors import UserError
from reverie.runs.run import Run
from reverie.training import validation as validator

OPTIONS = {
    "data": "digits",
    "batch_size": 8,
    "log_every": 5,
    "sample_every": 10_000,
    "evaluate_count": 20,
}


def train(out: Path, **options: Any) -> api.TrainResult:
    return reverie.train("gan", out=out, **(OPTIONS | options))


def test_distances_are_logged_and_the_best_model_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Distances as if the second of three measurements were the best."""
    said = iter([3.0, 1.0, 2.0])
    monkeypatch.setattr(validator, "frechet_distance", lambda *_: next(said))
    run = Run(train(tmp_path / "run", steps=6, evaluate_every=2).folder)
    lines = run.read_evaluations()
    name = "frechet_distance[digits, 20, test]"
    assert [(x["step"], x["figures"][name]) for x in lines] == [(2, 3.0), (4, 1.0), (6, 2.0)]
    facts = api.info(run.folder)
    near = {f"{measure}[digits, 20, test]" for measure in ("recall", "coverage")}
    assert facts["best"].items() >= {"model": str(run.best), "step": 4, name: 1.0}.items()
    assert facts["best"].keys() == {"model", "step", name} | near
    four = train(tmp_path / "four", steps=4)
    torch.testing.assert_close(  # the best is the model as it was at that step
        reverie.load(run.best).sample(2), four.load().sample(2), rtol=0, atol=0
    )
    assert "<h2>Validation</h2>" in run.report.read_text()


def test_the_figures_are_those_of_an_evaluation(tmp_path: Path) -> None:
    run = train(tmp_path / "run", steps=2, evaluate_every=2)
    lines = Run(run.folder).read_evaluations()
    later = reverie.evaluate(run.load(), data="digits", count=20)
    for measure in ("frechet_distance", "recall", "coverage"):
        name = f"{measure}[digits, 20, test]"
        assert lines[0]["figures"][name] == pytest.approx(later[name], rel=1e-6)


def test_it_stops_when_nothing_gets_better(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = iter([3.0, 1.0, 2.0, 1.5, 0.5, 0.4])
    monkeypatch.setattr(validator, "frechet_distance", lambda *_: next(said))
    out = tmp_path / "run"
    words = ["--steps", "20", "--batch-size", "8", "--evaluate-count", "20"]
    words += ["--evaluate-every", "2", "--patience", "2", "--data", "digits"]
    assert main(["train", "gan", "--out", str(out), *words, "--json"]) == 0
    done = json.loads(capsys.readouterr().out)
    assert (done["steps"], done["finished"]) == (8, True)
    # With more patience the run goes on from there.
    assert main(["train", "gan", "--out", str(out), "--resume", "--patience", "4",
                 "--steps", "12"]) == 0  # fmt: skip
    assert "the best in" in capsys.readouterr().out
    assert [line["step"] for line in Run(out).read_evaluations()] == [2, 4, 6, 8, 10, 12]
    assert api.info(out)["best"]["step"] == 12


def test_what_cannot_be_measured_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="set their interval with --evaluate-every"):
        train(tmp_path / "one", steps=2, patience=2)
    with pytest.raises(UserError, match="evaluate-count must be at least 2"):
        train(tmp_path / "two", steps=2, evaluate_every=1, evaluate_count=1)
