"""`reverie reproduce`: what is trained once, goes on, or is refused."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from jaxtyping import Float
from torch import Tensor

import reverie
from reverie.cli.main import main
from reverie.experiments import EXPERIMENTS
from reverie.experiments.experiment import Experiment, Training
from reverie.experiments.findings import Findings
from reverie.runs.run import Run
from reverie.training import loop

Captured = pytest.CaptureFixture[str]


def draw(findings: Findings) -> None:
    images: Float[Tensor, "n c h w"] = findings.model("second").sample(4)
    findings.sheet("four", images, "Four <images>")
    findings.rows("rows", {"one": list(images[:2]), "other": list(images[2:])}, "Rows", ["a", "b"])
    findings.curves("loss", ["first", "second"], "generator", "Generator loss")
    findings.table("Figures <b>", {"first": {"count": 4, "mean": 0.123456}, "second": {"count": 5}})
    findings.note("A note & more.")


TINY: dict[str, int | tuple[int, ...] | str] = {
    "hidden": (16, 32),
    "data": "digits",
    "batch_size": 8,
    "steps": 200,
    "checkpoint_every": 2,
    "log_every": 100,
    "sample_every": 100,
}


@pytest.fixture(autouse=True)
def _two_trainings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    experiment = Experiment(
        about="two trainings",
        trainings={
            "first": Training(method="gan", minutes=1, options=TINY),
            "second": Training(method="gan", minutes=2, init="first", options=TINY),
        },
        draw=draw,
        minutes=0.1,
    )
    EXPERIMENTS.register("two", experiment)
    yield
    EXPERIMENTS._registered.pop("two")


def test_pictures_numbers_and_page(tmp_path: Path) -> None:
    result = reverie.reproduce("two", out=tmp_path / "two", budget=0.02, seed=5)
    assert [p.name for p in result.pictures] == ["four.png", "rows.png", "loss.png"]
    numbers = json.loads((tmp_path / "two" / "numbers.json").read_text())
    assert numbers["command"] == "reverie reproduce two --budget 0.02 --seed 5"
    assert numbers["tables"]["Figures <b>"]["first"] == {"count": 4, "mean": 0.123456}
    assert numbers["trainings"]["second"]["steps"] == 4
    first, second = (Run(tmp_path / "two" / "runs" / n).recipe() for n in ("first", "second"))
    assert (first.training.seed, first.training.steps, first.training.sample_every) == (5, 4, 2)
    assert first.training.init is None
    assert second.training.init == str(tmp_path / "two" / "runs" / "first")
    page = result.page.read_text()
    for shown in ("Figures &lt;b&gt;", "Four &lt;images&gt;", "A note &amp; more.", "0.123"):
        assert shown in page
    assert page.count("<figure>") == 3


def test_goes_on_where_it_was_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after Ctrl-C, at any step; what was trained is not trained again."""
    whole = reverie.reproduce("two", out=tmp_path / "whole", budget=0.05).page.parent
    steps = []

    class StopSignal(loop.StopSignal):
        def __enter__(self):
            super().__enter__()
            return lambda: steps.append(1) or len(steps) in (3, 17)

    monkeypatch.setattr(loop, "StopSignal", StopSignal)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt, match="the same command goes on"):
            reverie.reproduce("two", out=tmp_path / "stopped", budget=0.05)
    stopped = reverie.reproduce("two", out=tmp_path / "stopped", budget=0.05).page.parent
    assert len(steps) == 20
    for picture in ("four.png", "rows.png"):
        assert (stopped / picture).read_bytes() == (whole / picture).read_bytes()
    before = len(steps)
    reverie.reproduce("two", out=tmp_path / "stopped", budget=0.05)
    assert len(steps) == before


def test_a_training_killed_before_its_first_checkpoint(tmp_path: Path) -> None:
    reverie.reproduce("two", out=tmp_path, budget=0.01)
    run = Run(tmp_path / "runs" / "second")
    run.clear()
    reverie.reproduce("two", out=tmp_path, budget=0.01)
    assert run.read_log()[-1]["step"] == 2


def test_refused(tmp_path: Path, capsys: Captured) -> None:
    def refusal(*words: str) -> str:
        assert main(["reproduce", *words]) == 2
        return capsys.readouterr().err.strip().splitlines()[-1]

    assert "did you mean 'two'?" in refusal("tvo")
    assert "--budget must be above 0" in refusal("two", "--budget", "0")
    (tmp_path / "file").write_text("x")
    assert "this is a file" in refusal("two", "--out", str(tmp_path / "file"))
    assert main(["reproduce", "two", "--budget", "0.01", "--out", str(tmp_path / "a")]) == 0
    message = refusal("two", "--budget", "0.02", "--out", str(tmp_path / "a"))
    assert "holds experiment two, budget 0.01, seed 0: choose another --out" in message


def test_list(capsys: Captured) -> None:
    assert main(["reproduce"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "two" in [line.split()[0] for line in lines]
    assert main(["reproduce", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed["two"] == {"minutes": 3.1, "about": "two trainings"}
