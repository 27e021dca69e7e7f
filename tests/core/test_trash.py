import os
import time
from pathlib import Path

import pytest

from reverie.core.errors import UserError
from reverie.core.trash import Trash


def a_folder(path: Path, text: str = "1") -> Path:
    path.mkdir()
    (path / "log").write_text(text)
    return path


def test_what_was_moved_comes_back(tmp_path: Path) -> None:
    trash, run = Trash(tmp_path / "trash"), a_folder(tmp_path / "run")
    assert list(trash.entries()) == []
    key = trash.add(run, "run")
    assert not run.exists()
    assert list(trash.entries()) == [(key, "run")]
    assert trash.origin(key) == "run"
    trash.give_back(key, run)
    assert (run / "log").read_text() == "1"
    assert list(trash.folder.iterdir()) == []
    for gone in (key, "../run", "none"):
        with pytest.raises(UserError, match="not in the trash"):
            trash.origin(gone)


def test_the_newest_comes_first(tmp_path: Path) -> None:
    trash = Trash(tmp_path / "trash")
    keys = []
    for number in range(3):
        keys.append(trash.add(a_folder(tmp_path / "run", str(number)), "run"))
        os.utime(trash.folder / keys[-1], (time.time(), 1000 + number))
    assert [key for key, _ in trash.entries()] == keys[::-1]


def test_nothing_is_replaced(tmp_path: Path) -> None:
    trash, run = Trash(tmp_path / "trash"), a_folder(tmp_path / "run")
    key = trash.add(run, "run")
    a_folder(run, "2")
    with pytest.raises(UserError, match="is there again"):
        trash.give_back(key, run)
    assert (run / "log").read_text() == "2"
    with pytest.raises(FileNotFoundError):
        trash.add(tmp_path / "none", "none")
    assert [origin for _, origin in trash.entries()] == ["run"]


def test_names_of_any_length_and_encoding(tmp_path: Path) -> None:
    trash = Trash(tmp_path / "trash")
    for name in ("ü" * 120, os.fsdecode(b"\xe9t\xe9")):
        key = trash.add(a_folder(tmp_path / name), name)
        assert trash.origin(key) == name
        trash.give_back(key, tmp_path / name)


def test_emptied(tmp_path: Path) -> None:
    trash = Trash(tmp_path / "trash")
    trash.empty()  # where there is none
    trash.add(a_folder(tmp_path / "run"), "run")
    trash.empty()
    assert not trash.folder.exists()
