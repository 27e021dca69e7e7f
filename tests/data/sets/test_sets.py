"""Sets that are drawn or fetched."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reverie.core.errors import UserError
from reverie.data.attributes import read_attributes
from reverie.data.sets import photos
from reverie.data.sets.faces import ATTRIBUTES, get_labelled_faces, random_face
from reverie.data.sources import find_source

draws = all(importlib.util.find_spec(name) for name in ("python_avatars", "resvg_py"))
needs_drawing = pytest.mark.skipif(not draws, reason="nothing draws faces here")


@needs_drawing
def test_faces_are_listed_as_celeba_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path))
    get_labelled_faces(tmp_path / "sets" / "faces", count=20, side=32)
    train, test = read_attributes("faces"), read_attributes("faces", "test")
    assert (len(train), len(test)) == (18, 2)
    assert train.names == ATTRIBUTES
    for number, row in enumerate(test.values):
        has = {name for name, yes in zip(ATTRIBUTES, row, strict=True) if yes}
        assert has == random_face(1_000_000 + number).attributes
    assert train.read(0, 16, 3).shape == (16, 16, 3)
    source = find_source("faces", "test")
    assert len(source.names) == 2


@needs_drawing
def test_men_and_women_differ_under_a_hat() -> None:
    from reverie.data.sets.faces import draw

    face = random_face(3).with_attribute("Wearing_Hat", True).with_attribute("Mustache", False)
    men, women = (draw(face.with_attribute("Male", male), 32) for male in (True, False))
    assert men != women


def test_faces_that_are_not_here_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path))
    with pytest.raises(UserError, match="reverie data get faces"):
        read_attributes("faces")
    with pytest.raises(UserError, match="reverie data get photos"):
        find_source("photos")


def test_photographs_are_told_from_drawings(tmp_path: Path) -> None:
    wallpapers = tmp_path / "wallpapers"
    for name, photograph in {
        "Autumn/contents/images/2560x1600.jpg": True,
        "Autumn/contents/images/1080x1920.jpg": False,  # the same, cut for telephones
        "Autumn/contents/screenshot.jpg": False,
        "Kite/contents/images/2560x1600.jpg": False,
    }.items():
        assert photos._is_photograph(wallpapers / name) == photograph, name
    assert photos._is_photograph(tmp_path / "backgrounds" / "Fossa_by_Jasper_Roks.jpg")
    assert not photos._is_photograph(tmp_path / "backgrounds" / "analogpattern_by_P.jpg")
    assert photos._name(wallpapers / "Autumn/contents/images/2560x1600.jpg") == "Autumn"


def test_photographs_are_made_smaller() -> None:
    pixels = np.zeros((1000, 1920, 3), np.uint8)
    assert photos._smaller(pixels).shape == (960, 1843, 3)
    assert photos._smaller(pixels[:500]).shape == (500, 1920, 3)


def test_without_apt_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(UserError, match="use a folder of your own photographs"):
        photos.get_photos(tmp_path / "photos")


def test_packages_become_a_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With tools that do what apt-get and dpkg-deb do, on one picture of each package."""
    real = {"apt-get": "touch a.deb b.deb c.deb\n", "dpkg-deb": ""}
    picture = tmp_path / "a.jpg"
    Image.new("RGB", (40, 30), "green").save(picture)
    real["dpkg-deb"] = (
        'place="$3/usr/share/backgrounds"; mkdir -p "$place"\n'
        f'cp {picture} "$place/$(basename $2 .deb)_by_me.jpg"\n'
    )
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, script in real.items():
        (tools / name).write_text(f"#!/bin/sh\n{script}")
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tools), prepend=":")
    assert photos.get_photos(tmp_path / "out") == {"train": 3}
    names = sorted(p.name for p in (tmp_path / "out" / "train").iterdir())
    assert names == ["a_by_me.png", "b_by_me.png", "c_by_me.png"]
    (tools / "apt-get").write_text("#!/bin/sh\necho no network >&2; exit 100\n")
    with pytest.raises(UserError, match=r"could not download the photographs \(no network"):
        photos.get_photos(tmp_path / "again")
