import gzip
import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from reverie.core.errors import UserError
from reverie.data import archive
from reverie.data.archive import Package, read_members
from tests.fuzzing import assert_only_user_errors, damaged_bytes, rounds


def tar_of(*members: tuple[str, bytes, str], mode: str = "w") -> io.BytesIO:
    """A tar of (name, type, content of a file or target of a link)."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as tar:  # type: ignore[call-overload]
        for name, kind, content in members:
            entry = tarfile.TarInfo(name)
            entry.type = kind
            if kind == tarfile.REGTYPE:
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content.encode()))
            else:
                entry.linkname = content
                tar.addfile(entry)
    file.seek(0)
    return file


FILE, LINK, HARD = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_regular_files_are_read(mode: str) -> None:
    file = tar_of(
        ("./a/1.png", FILE, "one"),
        ("a/2.png", FILE, "two"),
        ("a/3.jpg", FILE, "another suffix"),
        ("b/4.png", FILE, "another folder"),
        ("a/5.png", LINK, "2.png"),
        ("a/6.png", HARD, "a/2.png"),
        ("a/7.png", tarfile.FIFOTYPE, ""),
        ("a/8.png", tarfile.DIRTYPE, ""),
        mode=mode,
    )
    assert list(read_members(file, "a/", ".png")) == [("a/1.png", b"one"), ("a/2.png", b"two")]


@pytest.mark.parametrize(
    ("name", "kind", "content"),
    [
        ("/etc/x.png", FILE, "x"),
        ("../x.png", FILE, "x"),
        ("a/../../x.png", FILE, "x"),
        ("a/..\\x.png", FILE, "x"),
        ("a/x.png", LINK, "/etc/passwd"),
        ("a/x.png", LINK, "../../x"),
        ("a/x.png", HARD, "../x"),
        ("a/x.png", HARD, "/etc/passwd"),
    ],
)
def test_names_that_leave_the_folder_are_refused(name: str, kind: bytes, content: str) -> None:
    with pytest.raises(UserError, match="leaves its folder"):
        list(read_members(tar_of((name, kind, content)), "a/", ".png"))


def test_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    members = [(f"a/{number}.png", FILE, "12345") for number in range(4)]
    for name, bound in (("MOST_MEMBERS", 3), ("MOST_BYTES", 19)):
        with monkeypatch.context() as patch:
            patch.setattr(archive, name, bound)
            with pytest.raises(UserError, match="the archive has more than"):
                list(read_members(tar_of(*members), "a/", ".png"))
            patch.setattr(archive, name, bound + 1)
            assert len(list(read_members(tar_of(*members), "a/", ".png"))) == 4


def test_a_member_that_claims_much_is_not_read() -> None:
    entry = tarfile.TarInfo("a/1.png")
    entry.size = 10**12
    file = io.BytesIO(gzip.compress(entry.tobuf() + bytes(10**6)))
    with pytest.raises(UserError, match="more than"):
        list(read_members(file, "a/", ".png"))


def test_another_content_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.tgz"
    file.write_bytes(b"content")
    Package("x", "1.0", hashlib.sha256(b"content").hexdigest()).check(file)
    with pytest.raises(UserError, match=r"x 1\.0 was downloaded with another content than"):
        Package("x", "1.0", "0" * 64).check(file)


@rounds(300, 3_000)
@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_fuzzed_archives(mode: str, count: int, seed: int) -> None:
    members = [("a/1.png", FILE, "one"), ("a/2.png", LINK, "1.png"), ("a/3.png", FILE, "x" * 600)]
    content = tar_of(*members, mode=mode).getvalue()

    def read(data: bytes) -> None:
        for name, _ in read_members(io.BytesIO(data), "a/", ".png"):
            assert name.startswith("a/")

    assert_only_user_errors(read, damaged_bytes(content, count, seed))
