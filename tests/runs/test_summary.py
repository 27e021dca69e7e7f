import json
from pathlib import Path
from typing import Any

import pytest

from reverie.core.errors import UserError
from reverie.runs.run_list import list_runs
from reverie.runs.summary import RunSummary, run_folder, run_folders

OPTIONS = {
    "method": "gan",
    "options": {"latent_size": 8},
    "data": {"data": "digits"},
    "training": {"steps": 100},
    "picture_count": 1000,
    "began": "2026-01-02 03:04:05",
}


def make_run(
    folder: Path, step: int = 50, log: dict[str, Any] | None = None, **changes: Any
) -> Path:
    """A run's folder with what a list reads of it."""
    (folder / "samples").mkdir(parents=True)
    (folder / "options.json").write_text(json.dumps(OPTIONS | changes))
    line = {"step": step, "seconds": 90.0, "images_seen": 64 * step, "losses": {"generator": 1.5}}
    (folder / "log.jsonl").write_text(json.dumps(line | (log or {})) + "\n" + '{"half')
    return folder


def end(folder: Path) -> Path:
    """Give a run what a training writes last."""
    (folder / "report.html").write_text("")
    (folder / "model").mkdir()
    return folder


def summary(folder: Path) -> RunSummary:
    found = RunSummary.of(folder)
    assert found is not None
    return found


def test_a_summary(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "a")
    for name in ("step-000010.png", "step-000020.png", "step-000030-plane.png", "x.png"):
        (folder / "samples" / name).touch()
    found = summary(folder)
    assert (found.method, found.data, found.latent_size) == ("gan", "digits", 8)
    assert (found.step, found.steps, found.seconds) == (50, 100, 90.0)
    assert found.figures == {"generator": 1.5}
    assert found.sheet == folder / "samples" / "step-000020.png"
    assert (found.report, found.has_model, found.finished, found.state) == (
        None, False, False, "stopped",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("training", "log", "finished"),
    [
        ({"steps": 50}, {}, True),
        ({"steps": 51}, {}, False),
        ({"minutes": 1.5}, {}, True),
        ({"minutes": 1.6}, {}, False),
        ({"epochs": 3}, {}, True),  # 3,200 of 3,000 images
        ({"epochs": 4}, {}, False),
        ({"steps": None}, {}, False),  # of 20,000
        ({"steps": None}, {"step": 20_000}, True),
    ],
)
def test_a_run_is_finished_by_its_length(
    tmp_path: Path, training: dict[str, Any], log: dict[str, Any], finished: bool
) -> None:
    folder = end(make_run(tmp_path / "a", log=log, training=training))
    assert summary(folder).finished == finished


def test_without_a_report_it_is_not_finished(tmp_path: Path) -> None:
    assert not summary(make_run(tmp_path / "a", step=100)).finished


def test_early_stopping_ends_a_run(tmp_path: Path) -> None:
    folder = end(make_run(tmp_path / "a", training={"steps": 1000, "patience": 2}))
    lines = [{"step": n, "figures": {"d": d}} for n, d in enumerate((5.0, 3.0, 4.0))]
    file = folder / "evaluations.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert not summary(folder).finished
    file.write_text(file.read_text() + json.dumps({"step": 3, "figures": {"d": 3.5}}) + "\n")
    assert summary(folder).finished


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"method": 3, "training": []}', "\x00"])
def test_a_damaged_run_has_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "options.json").write_text(content)
    assert RunSummary.of(tmp_path) is None
    assert RunSummary.of(tmp_path / "none") is None


@pytest.mark.parametrize(
    "damage",
    [
        {"training": {"steps": "many"}}, {"training": {"steps": []}},
        {"training": {"minutes": "x"}},
        {"training": {"steps": None, "epochs": {}}}, {"data": {"data": ["\x1b[31m"]}}, {"data": []},
        {"method": "\x1b[31m\n"}, {"began": "now"}, {"picture_count": "x"}, {"options": []},
    ],
)  # fmt: skip
def test_a_list_survives_any_content(tmp_path: Path, damage: dict[str, Any]) -> None:
    end(make_run(tmp_path / "a", **damage))
    for number, log in enumerate((
        {"seconds": 1e400}, {"losses": {"x": 10**400}}, {"step": 10**400}, {"losses": []},
        {"losses": {"\x1b[31m": 1.0}}, {"seconds": "x"}, {"images_seen": None},
    )):  # fmt: skip
        end(make_run(tmp_path / f"b{number}", log=log, training={"epochs": 1}))
    text = list_runs(tmp_path).summary()
    assert len(text.splitlines()) == 9  # with the heading
    assert "\x1b" not in text


def test_folders_of_runs(tmp_path: Path) -> None:
    one, other = make_run(tmp_path / "a"), make_run(tmp_path / "b")
    make_run(tmp_path / ".hidden")
    (tmp_path / "no run").mkdir()
    assert list(run_folders(tmp_path)) == [one, other]
    assert run_folder(str(one)) == one
    with pytest.raises(UserError, match=r"no run in this folder.*Runs in the same folder: .*a, b"):
        run_folder(tmp_path / "c")
