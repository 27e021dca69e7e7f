import json
import time
from pathlib import Path

import pytest

from reverie.core.errors import UserError
from reverie.studio.home import Home
from reverie.studio.run_list import RunList

OPTIONS = {
    "method": "gan",
    "options": {},
    "data": {"data": "digits"},
    "training": {"steps": 100},
    "began": "2026-01-02 03:04:05",
}


def make_run(home: Home, name: str, step: int = 50, **changes: object) -> Path:
    folder = home.runs / name
    (folder / "samples").mkdir(parents=True)
    (folder / "options.json").write_text(json.dumps(OPTIONS | changes))
    line = {"step": step, "seconds": 90.0, "losses": {"generator": 1.5, "generator/x": 2.0}}
    (folder / "log.jsonl").write_text(json.dumps(line) + "\n" + '{"half')
    return folder


def test_five_hundred_runs_in_a_second(home: Home) -> None:
    for number in range(500):
        make_run(home, f"run-{number:03d}")
    listed = RunList(home)
    started = time.perf_counter()
    first = listed.page(0, 60)
    cold = time.perf_counter() - started
    started = time.perf_counter()
    listed.page(60, 60)
    warm = time.perf_counter() - started
    assert first["total"] == 500
    assert len(first["runs"]) == 60  # type: ignore[arg-type]
    assert cold < 5  # on a machine that does something else as well
    assert warm < 1


def test_what_a_card_shows(home: Home) -> None:
    folder = make_run(home, "a")
    (folder / "samples" / "step-000010.png").write_bytes(b"")
    (folder / "samples" / "step-000020.png").write_bytes(b"")
    (folder / "samples" / "step-000030-plane.png").write_bytes(b"")
    look = RunList(home).look("a")
    assert look is not None
    assert look["figures"] == {"generator": 1.5}
    assert look["sheet"] == "runs/a/samples/step-000020.png"
    assert (look["step"], look["steps"], look["finished"]) == (50, 100, False)
    assert look["training"] is False
    evaluation = {"step": 50, "figures": {"distance[x]": 3.0}}
    (folder / "evaluations.jsonl").write_text(json.dumps(evaluation) + "\n")
    again = RunList(home).look("a")
    assert again is not None
    assert again["figures"] == {"distance[x]": 3.0}


def test_only_what_changed_is_told(home: Home) -> None:
    listed = RunList(home)
    make_run(home, "a")
    assert listed.changed() == ["a"]
    assert listed.changed() == []
    make_run(home, "b")
    (home.runs / "a" / "log.jsonl").write_text("{}\n")
    assert listed.changed() == ["a", "b"]
    (home.runs / "a" / "options.json").unlink()
    assert listed.changed() == ["a"]


def test_search(home: Home) -> None:
    make_run(home, "glasses", method="cyclegan")
    make_run(home, "plain")
    listed = RunList(home)
    for words, names in (("cycle", ["glasses"]), ("PLAIN", ["plain"]), ("digits gan", 2)):
        found = [run["name"] for run in listed.page(0, 9, words)["runs"]]  # type: ignore[index, union-attr]
        assert found == names if isinstance(names, list) else len(found) == names


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"method": 3, "training": []}'])
def test_damaged_runs_are_left_out(home: Home, content: str) -> None:
    make_run(home, "good")
    (home.runs / "bad").mkdir()
    (home.runs / "bad" / "options.json").write_text(content)
    assert RunList(home).page(0, 9)["total"] == 1
    with pytest.raises(UserError, match="options"):
        RunList(home).details("bad")


def test_no_run_outside(home: Home, tmp_path: Path) -> None:
    for name in ("../x", "a/b", "", ".", "none"):
        with pytest.raises(UserError):
            RunList(home).run(name)
