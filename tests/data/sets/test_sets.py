"""Sets that are drawn or fetched."""

import hashlib
import importlib.util
import io
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reverie.core import image_io
from reverie.core.errors import UserError
from reverie.data.archive import Package
from reverie.data.attributes import read_attributes
from reverie.data.sets import photos
from reverie.data.sets.faces import ATTRIBUTES, get_labelled_faces, random_face
from reverie.data.sources import find_source
from tests.qt_resources import qt_archive

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
    assert photos._smaller(pixels, 960).shape == (960, 1843, 3)
    assert photos._smaller(pixels[:500], 960).shape == (500, 1920, 3)


def test_without_apt_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(UserError, match="use a folder of your own photographs"):
        photos.get_photos(tmp_path / "photos")


def webp(color: str, width: int, height: int) -> bytes:
    encoded = io.BytesIO()
    Image.new("RGB", (width, height), color).save(encoded, "webp")
    return encoded.getvalue()


def test_packages_become_a_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With tools that do what apt-get and dpkg-deb do, on one picture of each package."""
    picture = tmp_path / "a.jpg"
    Image.new("RGB", (400, 300), "green").save(picture)
    resources = qt_archive(
        {
            "gcompris/src/activities/erase/resource/owl.webp": webp("red", 1200, 600),
            "gcompris/src/activities/erase/resource/thin.webp": webp("red", 300, 100),
            "gcompris/src/activities/explore_monuments/resource/egypt/sphinx.webp": webp(
                "blue", 320, 240
            ),
            "gcompris/src/activities/erase/resource/icon.svg": b"<svg/>",
            "gcompris/src/activities/chess/resource/board.webp": webp("white", 400, 400),
        }
    )

    def packed(package: Package) -> Package:
        root = tmp_path / package.name / "usr" / "share"
        place = root / "backgrounds"
        if package is photos.GCOMPRIS:
            (root / "gcompris-qt" / "rcc").mkdir(parents=True)
            (root / "gcompris-qt" / "rcc" / "erase.rcc").write_bytes(resources)
        else:
            place.mkdir(parents=True)
            (place / f"{package.name}_by_me.jpg").write_bytes(picture.read_bytes())
            (place / "link_by_me.jpg").symlink_to("x.jpg")
        archive = tmp_path / f"{package.name}_{package.version}_all.deb"
        with tarfile.open(archive, "w") as tar:
            tar.add(tmp_path / package.name, ".")
        digest = hashlib.sha256(archive.read_bytes()).hexdigest()
        return replace(package, sha256=digest)

    known = photos.WALLPAPERS
    wallpapers, gcompris = tuple(map(packed, known)), packed(photos.GCOMPRIS)
    monkeypatch.setattr(photos, "WALLPAPERS", wallpapers)
    monkeypatch.setattr(photos, "GCOMPRIS", gcompris)
    real = {
        "apt-get": f"echo $* > {tmp_path}/words; cp {tmp_path}/*.deb .\n",
        "dpkg-deb": 'test "$1" = --fsys-tarfile && cat "$2"\n',
    }
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, script in real.items():
        (tools / name).write_text(f"#!/bin/sh\n{script}")
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tools), prepend=":")
    assert photos.get_photos(tmp_path / "out") == {"train": 5}
    written = (tmp_path / "out" / "train").iterdir()
    sizes = {path.stem: image_io.read(path).shape[1::-1] for path in written}
    assert sizes == {f"{package.name}_by_me": (400, 300) for package in known} | {
        "erase-resource-owl": (1152, 576),
        "explore_monuments-egypt-sphinx": (320, 240),
    }
    asked = " ".join(f"{package.name}={package.version}" for package in (*known, gcompris))
    assert (tmp_path / "words").read_text() == f"download -q {asked}\n"
    monkeypatch.setattr(photos, "WALLPAPERS", known)
    with pytest.raises(UserError, match="was downloaded with another content"):
        photos.get_photos(tmp_path / "other")
    (tools / "apt-get").write_text("#!/bin/sh\n")
    with pytest.raises(UserError, match=r"the download did not bring lomiri-wallpapers-16\.04"):
        photos.get_photos(tmp_path / "none")
    (tools / "apt-get").write_text("#!/bin/sh\necho no network >&2; exit 100\n")
    with pytest.raises(UserError, match=r"those of Debian 12 \(no network\): use a folder"):
        photos.get_photos(tmp_path / "again")
