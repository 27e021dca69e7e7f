import io
import zipfile
from pathlib import Path

import pytest

from reverie.core.errors import UserError
from reverie.studio import uploads
from reverie.studio.uploads import Upload


def archive(*entries: tuple[str, bytes]) -> io.BytesIO:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in entries:
            file.writestr(name, data)
    content.seek(0)
    return content


def test_files_and_archives_are_written_below_the_folder(tmp_path: Path) -> None:
    upload = Upload(tmp_path / "u")
    upload.add("a.png", io.BytesIO(b"1"))
    upload.add("cats/b.JPG", io.BytesIO(b"2"))
    upload.add("all.zip", archive(("dogs/c.webp", b"3"), ("__MACOSX/x.png", b""), ("r.md", b"")))
    names = sorted(str(p.relative_to(tmp_path / "u")) for p in upload.files)
    assert names == ["a.png", "cats/b.JPG", "dogs/c.webp"]
    assert upload.skipped == [{"name": "r.md", "why": "this is no image"}]


@pytest.mark.parametrize(
    "name", ["../x.png", "/etc/x.png", "a/../../x.png", "..\\x.png", "C:\\..\\x.png", "a\0.png"]
)
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    for stream in (io.BytesIO(b"1"), archive((name.replace("\0", "_") or "x", b"1"))):
        upload = Upload(tmp_path / "deep" / "u")
        upload.add(name if stream.getvalue() == b"1" else "x.zip", stream)
        found = [p for p in tmp_path.rglob("*") if p.is_file()]
        assert all(p.is_relative_to(tmp_path / "deep" / "u") for p in found)


def test_links_in_archives_are_left_out(tmp_path: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        link = zipfile.ZipInfo("evil.png")
        link.external_attr = 0o120777 << 16
        file.writestr(link, "/etc/passwd")
    upload = Upload(tmp_path / "u")
    upload.add("x.zip", content)
    assert upload.skipped == [{"name": "evil.png", "why": "this is a link"}]
    assert upload.files == []


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    upload = Upload(tmp_path / "u")
    with pytest.raises(UserError, match="too large"):
        upload.add("bomb.zip", archive(*((f"{i}.png", bytes(10**7)) for i in range(3))))
    assert not (tmp_path / "u").exists()


def test_an_upload_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MOST_BYTES_OF_A_FILE", 10)
    upload = Upload(tmp_path / "u")
    upload.add("a.png", io.BytesIO(bytes(10)))
    with pytest.raises(UserError, match="at most"):
        upload.add("b.png", io.BytesIO(bytes(11)))
    assert not (tmp_path / "u" / "b.png").exists()
    upload.undo()
    assert not (tmp_path / "u").exists()


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    upload = Upload(tmp_path / "u")
    upload.add("broken.zip", io.BytesIO(b"PK\x03\x04 no archive"))
    upload.add("script.exe", io.BytesIO(b"MZ"))
    upload.add("a.png", io.BytesIO(b"1"))
    upload.add("a.png", io.BytesIO(b"2"))
    assert [one["name"] for one in upload.skipped] == ["broken.zip", "script.exe", "a.png"]
    assert (tmp_path / "u" / "a.png").read_bytes() == b"1"
