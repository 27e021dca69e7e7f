import json
import os
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.core.errors import UserError
from reverie.core.files import (
    PART,
    append_line,
    cache_home,
    part_name,
    read_json,
    readable_bytes,
    remove_partial_files,
    replace_folder,
    write_atomic,
)


@given(st.binary(max_size=64) | st.text(max_size=64))
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, content) -> None:
    path = tmp_path_factory.mktemp("files") / "new" / "folder" / "file"
    write_atomic(path, content)
    assert path.read_bytes() == (content.encode() if isinstance(content, str) else content)
    assert os.listdir(path.parent) == ["file"]


@pytest.mark.parametrize("fails", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str, error: BaseException
) -> None:
    path = tmp_path / "file"
    write_atomic(path, "old")

    def fail(*arguments: object) -> None:
        raise error

    monkeypatch.setattr(os, fails, fail)
    with pytest.raises(type(error)):
        write_atomic(path, "new, and longer")
    with pytest.raises(type(error)):
        write_atomic(tmp_path / "other", "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_reader_never_sees_a_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, seen = tmp_path / "file", []
    write_atomic(path, "old")
    sync = os.fsync

    def look(number: int) -> None:
        seen.append(path.read_text())
        sync(number)

    monkeypatch.setattr(os, "fsync", look)
    write_atomic(path, "new")
    assert seen == ["old"]
    assert path.read_text() == "new"


def test_partial_files_are_removed_when_their_writer_is_gone(tmp_path: Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    mine = part_name(tmp_path / "mine")
    left = mine.name.replace(f"-{os.getpid()}-", f"-{gone.pid}-")
    foreign = ".a.000000-1-12345678.part"
    for name in (mine.name, left, foreign, ".old.12345678.part", ".a.1234.part", "b.part", ".c"):
        (tmp_path / name).touch()
    (tmp_path / left.replace("mine", "folder")).mkdir()
    (tmp_path / left.replace("mine", "folder") / "file").touch()
    remove_partial_files(tmp_path)
    kept = {mine.name, foreign, ".old.12345678.part", ".a.1234.part", "b.part", ".c"}
    assert set(os.listdir(tmp_path)) == kept
    for name in (foreign, ".old.12345678.part"):  # of another host, or of an older version
        os.utime(tmp_path / name, (0, 0))
    remove_partial_files(tmp_path)
    assert set(os.listdir(tmp_path)) == {mine.name, ".a.1234.part", "b.part", ".c"}


@given(st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=100))
def test_temporary_names_fit_and_are_recognised(name: str) -> None:
    part = part_name(Path("folder") / (name * 3)).name
    assert len(part.encode()) <= 255
    assert PART.fullmatch(part)
    assert part_name(Path(name * 3)) != part_name(Path(name * 3))


def test_long_names_are_written(tmp_path: Path) -> None:
    path = tmp_path / ("ä" * 120 + ".png")
    write_atomic(path, "content")
    assert path.read_text() == "content"


def test_errors_name_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left") as caught:
        write_atomic(tmp_path / "file", "content")
    assert caught.value.filename == str(tmp_path / "file")


def test_lines_are_appended_after_half_a_line(tmp_path: Path) -> None:
    path = tmp_path / "log"
    append_line(path, "one")
    append_line(path, "two")
    assert path.read_text() == "one\ntwo\n"
    path.write_text("one\nt")
    append_line(path, "three")
    assert path.read_text() == "one\nt\nthree\n"


@pytest.mark.parametrize("exchange", [True, False])
def test_folders_are_replaced_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exchange: bool
) -> None:
    if not exchange:
        monkeypatch.setattr("reverie.core.files._exchange_names", lambda one, other: False)
    folder = tmp_path / "a" / "folder"
    for content in ("one", "two"):
        with replace_folder(folder) as aside:
            (aside / content).touch()
        assert os.listdir(folder) == [content]
    with suppress(RuntimeError), replace_folder(folder) as aside:
        (aside / "three").touch()
        raise RuntimeError
    assert os.listdir(folder) == ["two"]
    assert os.listdir(folder.parent) == ["folder"]
    (tmp_path / "link").symlink_to(folder)
    with replace_folder(tmp_path / "link") as aside:
        (aside / "four").touch()
    assert (tmp_path / "link").is_symlink()
    assert os.listdir(folder) == ["four"]
    assert os.listdir(folder.parent) == ["folder"]


def test_the_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path / "own"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_home() == tmp_path / "own"
    monkeypatch.delenv("REVERIE_CACHE")
    assert cache_home() == tmp_path / "xdg" / "reverie"
    monkeypatch.setenv("XDG_CACHE_HOME", "")  # empty counts as unset, by the specification
    assert cache_home() == tmp_path / "home" / ".cache" / "reverie"


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (1234, "1.23 kB"),
        (45_600_000, "45.6 MB"),
        (1.5e9, "1.5 GB"),
    ],
)
def test_bytes_with_a_unit(count: float, words: str) -> None:
    assert readable_bytes(count) == words


@pytest.mark.parametrize("count", [999_999, 999_999_999, 2.5e12])
def test_bytes_have_no_exponent(count: float) -> None:
    assert "e" not in readable_bytes(count).split()[0]


def test_json_files(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_text(json.dumps({"a": [1, "ü"]}), encoding="utf-8")
    assert read_json(path) == {"a": [1, "ü"]}
    for content in (b"{", b"\xff\xfe", b""):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"file\.json: this file cannot be read"):
            read_json(path)
    for content in ("[]", "3", "null"):
        path.write_text(content)
        with pytest.raises(UserError, match="must hold one JSON object"):
            read_json(path)
    with pytest.raises(UserError, match="cannot be read"):
        read_json(tmp_path / "none.json")
