import json
import os
from pathlib import Path

import pytest

import reverie
from reverie.core.errors import UserError
from reverie.core.lock import FolderLock
from reverie.runs.run_list import show
from tests.runs.test_summary import end, make_run


def age(folder: Path, seconds: float) -> None:
    for path in (folder, *folder.iterdir()):
        os.utime(path, (path.stat().st_mtime - seconds,) * 2)


def test_runs_and_those_of_sweeps(tmp_path: Path) -> None:
    age(end(make_run(tmp_path / "old", step=100)), 3 * 3600)
    make_run(tmp_path / "sweep" / "seed=1")
    (tmp_path / "photos").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "options.json").write_text("{")
    found = reverie.list_runs(tmp_path)
    assert [(one.name, one.state) for one in found.runs] == [
        ("sweep/seed=1", "stopped"), ("old", "finished"),
    ]  # fmt: skip
    assert found.damaged == [tmp_path / "broken"]
    lines = found.summary().splitlines()
    assert lines[0].split() == ["name", "method", "data", "steps", "state", "age", "size", "figure"]
    assert lines[1].split()[:6] == ["sweep/seed=1", "gan", "digits", "50", "stopped", "50%"]
    assert "  3 h  " in lines[2]
    assert lines[3].endswith("this run is damaged.")
    assert json.loads(json.dumps(found.to_json()))["runs"][0]["figures"] == {"generator": 1.5}


def test_a_list_fits_a_terminal(tmp_path: Path) -> None:
    make_run(tmp_path / ("long name " * 9), data={"data": "/a/long/path/" * 9})
    lines = reverie.list_runs(tmp_path).summary().splitlines()
    assert max(map(len, lines)) == 80
    assert "50%" in lines[1]


def test_a_training_that_runs(tmp_path: Path) -> None:
    folder = end(make_run(tmp_path / "a", step=100))
    with FolderLock(folder, "training"):
        assert [one.state for one in reverie.list_runs(tmp_path).runs] == ["running"]
    assert [one.state for one in reverie.list_runs(folder).runs] == ["finished"]


def test_where_there_are_none(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such folder"):
        reverie.list_runs(tmp_path / "none")
    with pytest.raises(UserError, match="no runs in this folder; reverie train METHOD --out"):
        reverie.list_runs(tmp_path)


def test_the_newest_sheet(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "a")
    with pytest.raises(UserError, match="no samples yet"):
        show(folder)
    (folder / "samples" / "step-000020.png").touch()
    assert show(folder).summary() == str(folder / "samples" / "step-000020.png")
