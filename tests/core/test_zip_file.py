import contextlib
import random
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from reverie.core.errors import UserError
from reverie.core.zip_file import read_zip


def make_zip(path: Path, files: dict[str, bytes], how: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def test_files_by_name(tmp_path: Path) -> None:
    files = {"a": b"1", "b/c": b"2", "../d": b"3", "/etc/e": b"4"}
    made = make_zip(tmp_path / "x.zip", files)
    assert read_zip(made, ("a", "b/c", "none")) == {"a": b"1", "b/c": b"2"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.zip"]


def test_files_in_a_folder(tmp_path: Path) -> None:
    """As a desktop compresses a folder."""
    files = {"model/a": b"1", "model/b/a": b"2", "__MACOSX/model/._a": b""}
    assert read_zip(make_zip(tmp_path / "x.zip", files), ("a", "b/a")) == {"a": b"1", "b/a": b"2"}
    twice = make_zip(tmp_path / "y.zip", {"one/a": b"1", "two/a": b"2"})
    assert read_zip(twice, ("a",)) == {}


def test_links_are_no_files(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        link = zipfile.ZipInfo("a")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    assert read_zip(tmp_path / "x.zip", ("a",)) == {}


def test_bombs(tmp_path: Path) -> None:
    bomb = make_zip(tmp_path / "x.zip", {"a": bytes(10_000_000)})
    with pytest.raises(UserError, match="would unpack to 10 MB"):
        read_zip(bomb, ("a",))
    assert read_zip(bomb, ("b",)) == {}
    lying = bytearray(bomb.read_bytes())
    for sign, place in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        start = lying.index(sign) + place
        lying[start : start + 4] = struct.pack("<I", 1000)  # what it says that it unpacks to
    (tmp_path / "y.zip").write_bytes(lying)
    with pytest.raises(UserError, match="cannot be read"):
        read_zip(tmp_path / "y.zip", ("a",))


@pytest.mark.parametrize("how", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_rare_compressions_are_refused(tmp_path: Path, how: int) -> None:
    with pytest.raises(UserError, match="must be stored or deflated"):
        read_zip(make_zip(tmp_path / "x.zip", {"a": b"1"}, how), ("a",))


def test_no_archives(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(b"PK\x03\x04 no archive")
    for path in (tmp_path / "x.zip", tmp_path / "none.zip", tmp_path):
        with pytest.raises(UserError, match="cannot be read"):
            read_zip(path, ("a",))


def test_damage_is_noticed(tmp_path: Path) -> None:
    whole = make_zip(tmp_path / "x.zip", {"a": bytes(range(256)) * 4}).read_bytes()
    draw = random.Random(0)
    for number in range(100):
        damaged = bytearray(whole)
        for _ in range(draw.randint(1, 4)):
            damaged[draw.randrange(len(whole))] = draw.randrange(256)
        (tmp_path / "x.zip").write_bytes(damaged[: draw.choice((None, len(whole) - number % 90))])
        found = {}
        with contextlib.suppress(UserError):
            found = read_zip(tmp_path / "x.zip", ("a",))
        assert found.get("a") in (None, bytes(range(256)) * 4)
