from pathlib import Path

import pytest

import reverie
from reverie.core.errors import UserError
from reverie.core.lock import FolderLock
from reverie.runs.removal import empty_trash
from tests.runs.test_summary import make_run


def test_removed_and_restored(tmp_path: Path) -> None:
    one, other = make_run(tmp_path / "a"), make_run(tmp_path / "b")
    before = sorted(path.name for path in one.rglob("*"))
    removed = reverie.remove_runs([one, str(other), f"{one}/"])
    assert removed.runs == [one, other]
    assert removed.trashes == [tmp_path / ".trash"]
    assert [path.name for path in tmp_path.iterdir()] == [".trash"]
    with pytest.raises(UserError, match="no runs in this folder"):
        reverie.list_runs(tmp_path)
    assert reverie.restore_runs(one).runs == [one]
    assert sorted(path.name for path in one.rglob("*")) == before
    with pytest.raises(UserError, match=r"is not in .*\.trash: it holds b\."):
        reverie.restore_runs(one)
    assert empty_trash(tmp_path).runs == ["b"]
    with pytest.raises(UserError, match="it is empty"):
        reverie.restore_runs(other)


def test_what_was_removed_last_comes_back(tmp_path: Path) -> None:
    for step in (1, 2):
        reverie.remove_runs(make_run(tmp_path / "a", step=step))
    reverie.restore_runs(tmp_path / "a")
    assert [one.run.step for one in reverie.list_runs(tmp_path).runs] == [2]
    with pytest.raises(UserError, match="is there again"):
        reverie.restore_runs(tmp_path / "a")


def test_what_is_no_run_stays(tmp_path: Path) -> None:
    run, photos = make_run(tmp_path / "a"), tmp_path / "photos"
    photos.mkdir()
    for wrong in (photos, tmp_path, tmp_path / "none", run / "options.json"):
        with pytest.raises(UserError, match="no run in this folder"):
            reverie.remove_runs([run, wrong])
    with pytest.raises(UserError, match="name one run"):
        reverie.remove_runs([])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "photos"]


def test_a_training_that_runs_stays(tmp_path: Path) -> None:
    one, other = make_run(tmp_path / "a"), make_run(tmp_path / "b")
    with FolderLock(other, "training"):
        with pytest.raises(UserError, match="a training is running there"):
            reverie.remove_runs([one, other])
        assert one.exists()
        reverie.remove_runs(other, force=True)
    assert not other.exists()


def test_the_folder_that_one_is_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(make_run(tmp_path / "a"))
    assert reverie.remove_runs(".").runs == [tmp_path / "a"]
