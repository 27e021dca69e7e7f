import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from reverie import images
from reverie.core.errors import UserError
from reverie.core.image_folder import find_image_files, scan_folder
from reverie.core.marks import RESULTS


def draw(*files: Path) -> None:
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((3, 4), 7, np.uint8)).save(file, "PNG")


def test_everything_is_an_image_or_left_out_with_a_reason(tmp_path: Path) -> None:
    root = tmp_path / "in"
    draw(root / "b.png", root / "deep" / "er" / "a.JPG", root / "folder.png" / "c.gif")
    draw(root / ".hidden.png", root / "earlier" / "d.png", tmp_path / "elsewhere" / "e.png")
    (root / "earlier" / RESULTS).touch()
    images.save_sheet(torch.zeros(4, 1, 3, 3), root / "grid.png")
    (root / "linked").symlink_to(tmp_path / "elsewhere")
    (root / "dead.png").symlink_to("nowhere")
    os.mkfifo(root / "pipe.png")
    for name in ("a.svg", "b.ico", "c.heic", "notes"):
        (root / name).write_text("x")
    content = scan_folder(root)
    found = [str(file.relative_to(root)) for file in content.images]
    assert found == ["b.png", "deep/er/a.JPG", "folder.png/c.gif"]
    assert sorted(file.name for file in content.broken) == ["dead.png", "pipe.png"]
    assert content.said(root) == {
        "HEIC, which is read where pillow-heif is installed: pip install 'reverie[heif]'": "c.heic",
        "folder of reverie's results": "earlier",
        "link to a folder": "linked",
        "no suffix of an image that is read": "a.svg, b.ico, notes",
        "sheet made by reverie": "grid.png",
    }


def test_a_folder_that_cannot_be_opened_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw(tmp_path / "a.png", tmp_path / "secret" / "b.png")
    scandir = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("secret"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    content = scan_folder(tmp_path)
    assert content.images == [tmp_path / "a.png"]
    assert "cannot be opened (Permission denied)" in content.broken[tmp_path / "secret"]


def test_few_of_many_names_are_said(tmp_path: Path) -> None:
    for number in range(9):
        (tmp_path / f"{number}.txt").touch()
    said = list(scan_folder(tmp_path).said(tmp_path).values())
    assert said == ["0.txt, 1.txt, 2.txt, 3.txt, 4.txt and 4 more"]


def test_files_and_folders_are_found_once(tmp_path: Path) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    draw(a / "x.png", a / "deep" / "y.png", b / "x.png")
    (tmp_path / "same").symlink_to(a)
    places = [a, b, a / "x.png", a / "deep" / ".." / "x.png", tmp_path / "same" / "x.png"]
    found = find_image_files(places)
    assert [(str(file.relative_to(tmp_path)), str(to)) for file, to in found.files] == [
        ("a/deep/y.png", "a/deep/y.png"),
        ("a/x.png", "a/x.png"),
        ("b/x.png", "b/x.png"),
    ]
    assert [str(to) for _, to in find_image_files([a]).files] == ["deep/y.png", "x.png"]


def test_a_sheet_that_is_named_is_meant(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images.save_sheet(torch.zeros(4, 1, 3, 3), tmp_path / "grid.png")
    draw(tmp_path / "a.png")
    assert [p.name for p, _ in find_image_files([tmp_path / "grid.png"]).files] == ["grid.png"]
    assert [p.name for p, _ in find_image_files([tmp_path]).files] == ["a.png"]
    assert "sheet made by reverie, not read: grid.png" in capsys.readouterr().err


def test_what_is_no_place_of_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "heic").mkdir()
    (tmp_path / "heic" / "a.heic").touch()
    for name, reason in {
        "none": "there is no such file or folder",
        "empty": r"no images in this folder or below it \(it is empty\)",
        "heic": r"no images in this folder or below it \(HEIC.*: a\.heic\)",
    }.items():
        with pytest.raises(UserError, match=rf"{name}: {reason}"):
            find_image_files([tmp_path / name])
    (tmp_path / "dead.png").symlink_to("nowhere")
    assert len(find_image_files([tmp_path / "dead.png"])) == 1  # refused when it is read


def test_hidden_folders_are_not_read(tmp_path: Path) -> None:
    for name in (".cache", "seen"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (4, 4)).save(tmp_path / name / "1.png")
    assert scan_folder(tmp_path).images == [tmp_path / "seen" / "1.png"]


def test_a_folder_that_may_not_be_entered_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "closed").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "1.png")
    look = os.stat

    def refuse(path: object, *arguments: Any, **keywords: Any) -> os.stat_result:
        if "closed/" in str(path):  # what the superuser never sees
            raise PermissionError(13, "Permission denied", str(path))
        return look(path, *arguments, **keywords)

    monkeypatch.setattr(os, "stat", refuse)
    assert scan_folder(tmp_path).images == [tmp_path / "1.png"]
