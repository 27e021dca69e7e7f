import hashlib
import io
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reverie.core import image_io
from reverie.core.errors import UserError
from reverie.data import DATASETS
from reverie.data.fetch import fetch
from reverie.data.paired import find_paired
from reverie.data.sets import earth
from reverie.data.sets.earth import EarthOptions, Place, get_earth, places, relief

EAST = 360 / earth.ACROSS  # degrees that a tile spans


def bounds(place: Place) -> tuple[float, float]:
    """Western and eastern edge of a tile in degrees."""
    west = place.column * EAST / earth.STEPS - 180
    return west, west + EAST


def test_no_longitude_is_in_both_splits() -> None:
    found = list(places())
    bands = [[-78.75, -56.25], [11.25, 33.75]]
    for place in found:
        west, east = bounds(place)
        inside = [first <= west and east <= last for first, last in bands]
        beside = [east <= first or last <= west for first, last in bands]
        assert any(inside) if place.split == "test" else all(beside)
    assert {p.split for p in found} == {"train", "test"}
    assert len({(p.row, p.column) for p in found}) == len({p.name for p in found}) == len(found)


def test_the_training_tiles_cover_the_other_longitudes() -> None:
    seen = np.zeros(earth.ACROSS * earth.STEPS, bool)
    for place in places():
        seen[place.column : place.column + earth.STEPS] |= place.split == "train"
    assert seen.sum() == (earth.ACROSS - 4) * earth.STEPS


def test_names_are_coordinates() -> None:
    assert Place("test", 0, 0).name == "84N-174W"
    assert Place("test", 32, 64).name == "06S-006E"  # its upper left corner is at 0, 0
    assert Place("test", 30, 62).name == "00N-000E"


def world(width: int) -> dict[str, Image.Image]:
    """Maps of an Earth with land between 10°E and 30°E and between 100°E and 120°E."""
    longitude = np.linspace(-180, 180, width)[None, :].repeat(width // 2, 0)
    land = ((longitude > 10) & (longitude < 30)) | ((longitude > 100) & (longitude < 120))
    noise = np.random.default_rng(0).integers(0, 255, (width // 2, width, 3), np.uint8)
    return {
        "elevation": Image.fromarray((land * 64).astype(np.uint8)),
        "water": Image.fromarray((~land * 255).astype(np.uint8)[..., None].repeat(3, -1)),
        "day": Image.fromarray(noise),
        "night": Image.fromarray(noise // 8),
    }


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that does what `npm pack` does, with small maps; returns its file."""
    monkeypatch.setattr(earth, "ROWS", (6, 8))
    archive = tmp_path / "three-globe-2.45.2.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        for name, image in world(512).items():
            buffer = io.BytesIO()
            image.save(buffer, "PNG")
            entry = tarfile.TarInfo(earth.MAPS[name])
            entry.size = len(buffer.getvalue())
            tar.addfile(entry, io.BytesIO(buffer.getvalue()))
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    monkeypatch.setattr(earth, "GLOBE", replace(earth.GLOBE, sha256=digest))
    tool = tmp_path / "bin" / "npm"
    tool.parent.mkdir()
    tool.write_text(f"#!/bin/sh\necho $* > {tmp_path}/words\ncp {tmp_path}/*.tgz .\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tool.parent), prepend=":")
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path / "cache"))
    return tool


def test_a_package_becomes_pairs(npm: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    counts = get_earth(out, side=16)
    assert (tmp_path / "words").read_text() == "pack --silent three-globe@2.45.2\n"
    assert counts["trainA"] == counts["trainB"] > counts["testA"] == counts["testB"] > 0
    assert {f: len(list((out / f).iterdir())) for f in counts} == counts
    with pytest.raises(UserError, match=r"here yet: run reverie data get earth-night$"):
        find_paired("earth-night", None, "train", paired=True, swapped=False)
    for split in ("train", "test"):
        pairs = find_paired(str(out), None, split, paired=True, swapped=False)
        assert pairs[0].names == pairs[1].names
        for name in pairs[0].names:  # land alone
            assert abs(int(name[4:7]) - (20 if split == "test" else 110)) <= 10 + EAST / 4


def test_tiles_are_cut_where_they_lie(npm: Path, tmp_path: Path) -> None:
    night = tmp_path / "night"
    get_earth(night, night=True, side=16)
    maps = world(512)
    for place in (p for p in places() if (night / "trainA" / f"{p.name}.png").exists()):
        if place.split == "train":
            left, top = 4 * place.column, 4 * place.row
            for side, name in (("A", "day"), ("B", "night")):
                want = np.asarray(maps[name].crop((left, top, left + 16, top + 16)))
                found = image_io.read(night / f"train{side}" / f"{place.name}.png")
                np.testing.assert_array_equal(found, want)


def test_relief_holds_elevation_latitude_and_water() -> None:
    elevation = np.array([[0, 64], [255, 16], [0, 0]], np.uint8)[..., None]
    water = np.array([[255, 0], [0, 0], [0, 128]], np.uint8)[..., None]
    found = relief({"elevation": elevation, "water": water})
    np.testing.assert_array_equal(found[..., 0], [[0, 128], [255, 64], [0, 0]])
    np.testing.assert_array_equal(found[:, 0, 1], [255, 128, 0])
    np.testing.assert_array_equal(found[..., 2], water[..., 0])


def test_sizes_and_names(npm: Path) -> None:
    assert EarthOptions().folder_name("earth") == "earth"
    assert EarthOptions(size="128").folder_name("earth-night") == "earth-night-128"
    with pytest.raises(UserError, match=r"run reverie data get earth with its options \(see"):
        find_paired("earth-128", None, "train", paired=True, swapped=False)
    sizes = []
    for name in ("earth", "earth-night"):
        result = fetch(name, DATASETS[name].options)
        assert result.folder.name == name
        sizes.append(image_io.size_of(next((result.folder / "testB").iterdir())))
    assert sizes == [(64, 64), (64, 64)]


def test_refusals(npm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm.write_text("#!/bin/sh\n")
    with pytest.raises(UserError, match=r"npm did not bring three-globe 2\.45\.2"):
        get_earth(tmp_path / "none")
    npm.write_text("#!/bin/sh\necho no network >&2; exit 1\n")
    with pytest.raises(UserError, match=r"could not download the maps of the Earth \(no network\)"):
        get_earth(tmp_path / "again")
    assert not (tmp_path / "none").exists()
