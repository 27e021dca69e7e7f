"""Tiles of the Earth in two aligned domains: relief (A) and satellite image (B), or day and night.

NASA's imagery, of the npm package `three-globe`. A tile spans 11.25 degrees of longitude and of
latitude. The test tiles lie in bands of longitudes that no training tile touches.

Relief alone does not tell desert from forest, so domain A of `earth` has three channels: red is the
square root of the elevation, green the latitude (0 at the South Pole, 255 at the North Pole), blue
is water.
"""

import io
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from reverie.core import image_io, progress
from reverie.data.archive import Package, download_npm, read_members
from reverie.data.source import Dataset, FetchOptions

GLOBE = Package(
    "three-globe",
    "2.45.2",
    "f6deff6848980a4bda13b0993e5ebc929b27e791e063a5517c87115ff7e669cb",
)


MAPS = {
    "elevation": "package/example/img/earth-topology.png",
    "water": "package/example/img/earth-water.png",
    "day": "package/example/img/earth-blue-marble.jpg",
    "night": "package/example/img/earth-night.jpg",
}
"""Equirectangular maps from 180°W to 180°E and from 90°N to 90°S."""


ACROSS = 32
"""Tiles side by side around the Earth."""


ROWS = 1, 13
"""Rows of tiles between which tiles are cut: 78.75°N to 56.25°S, which leaves out Antarctica."""


HELD_OUT = (9, 11), (17, 19)
"""Columns of tiles that are the test split: 78.75°W to 56.25°W and 11.25°E to 33.75°E."""


STEPS = 4
"""Training tiles begin at every quarter of a tile, test tiles at every half."""


LEAST_LAND = 0.25
"""Tiles with less land are left out."""


@dataclass(frozen=True)
class Place:
    """The upper left corner of a tile, in quarters of a tile, and its split."""

    split: Literal["train", "test"]
    row: int
    column: int

    @property
    def name(self) -> str:
        """Latitude and longitude of the tile's centre in whole degrees: `43N-017E`."""
        degrees = 360 / ACROSS / STEPS
        north = 90 - (self.row + STEPS / 2) * degrees
        east = (self.column + STEPS / 2) * degrees - 180
        return (
            f"{abs(north):02.0f}{'N' if north >= 0 else 'S'}-"
            f"{abs(east):03.0f}{'E' if east >= 0 else 'W'}"
        )


def places(held_out: tuple[tuple[int, int], ...] = HELD_OUT) -> Iterator[Place]:
    """All places of tiles, on land and on water, from north to south.

    Args:
        held_out: bands of columns that are the test split. Tiles across a band's edge are none.
    """
    bands = [(STEPS * first, STEPS * last) for first, last in held_out]
    for row in range(STEPS * ROWS[0], STEPS * (ROWS[1] - 1) + 1):
        for column in range(STEPS * (ACROSS - 1) + 1):
            end = column + STEPS
            if any(first <= column and end <= last for first, last in bands):
                if row % 2 == column % 2 == 0:
                    yield Place("test", row, column)
            elif all(end <= first or last <= column for first, last in bands):
                yield Place("train", row, column)


def get_earth(
    out: Path,
    night: bool = False,
    side: int = 64,
    held_out: tuple[tuple[int, int], ...] = HELD_OUT,
) -> dict[str, int]:
    """Write trainA, trainB, testA and testB to `out`; A and B of one name are a pair.

    Args:
        out: the dataset's folder.
        night: day (A) and night (B), not relief (A) and satellite image (B).
        side: side of a tile in pixels.
        held_out: bands of columns of tiles that are the test split.

    Returns:
        Number of images by folder.

    Raises:
        UserError: if npm is not installed, or the package cannot be downloaded.
    """
    maps = {name: _scaled(pixels, ACROSS * side) for name, pixels in _download().items()}
    land = maps["water"][..., 0] < 128
    a, b = (maps["day"], maps["night"]) if night else (relief(maps), maps["day"])
    chosen = [place for place in places(held_out) if _tile(land, place, side).mean() >= LEAST_LAND]
    counts = {f"{split}{domain}": 0 for split in ("train", "test") for domain in "AB"}
    for folder in counts:
        (out / folder).mkdir(parents=True)
    for place in progress.track(chosen, len(chosen), "cutting", "tiles"):
        for domain, pixels in (("A", a), ("B", b)):
            folder = f"{place.split}{domain}"
            png = image_io.encode(_tile(pixels, place, side))
            (out / folder / f"{place.name}.png").write_bytes(png)
            counts[folder] += 1
    return counts


def relief(maps: dict[str, UInt8[np.ndarray, "h w _"]]) -> UInt8[np.ndarray, "h w 3"]:
    """Elevation, latitude and water as red, green and blue."""
    height, width = maps["water"].shape[:2]
    elevation = np.sqrt(maps["elevation"][..., 0] / 255) * 255
    latitude = np.linspace(255, 0, height)[:, None].repeat(width, 1)
    return np.rint(np.stack([elevation, latitude, maps["water"][..., 0]], -1)).astype(np.uint8)


def _download() -> dict[str, UInt8[np.ndarray, "h w _"]]:
    with tempfile.TemporaryDirectory() as folder:
        (archive,) = download_npm((GLOBE,), Path(folder), "the maps of the Earth", "13 MB")
        with open(archive, "rb") as file:
            found = dict(read_members(file, "package/example/img/", ""))
    return {
        name: image_io.to_array(Image.open(io.BytesIO(found[member])))
        for name, member in MAPS.items()
    }


def _scaled(pixels: UInt8[np.ndarray, "h w c"], width: int) -> UInt8[np.ndarray, "h2 w2 c"]:
    return image_io.resize(pixels, width, "width")


def _tile(pixels: np.ndarray, place: Place, side: int) -> np.ndarray:
    top, left = (side * corner // STEPS for corner in (place.row, place.column))
    return pixels[top : top + side, left : left + side]


@dataclass(frozen=True, kw_only=True)
class EarthOptions(FetchOptions):
    """Which tiles of the Earth."""

    size: Literal["64", "128"] = "64"
    """Side of a tile in pixels; either spans 11.25 degrees. 128 goes to NAME-128."""

    def folder_name(self, name: str) -> str:
        return name if self.size == "64" else f"{name}-{self.size}"


def _fetch(out: Path, options: EarthOptions, night: bool) -> dict[str, int]:
    return get_earth(out, night, int(options.size))


EARTH = Dataset(
    about="relief with latitude (A) and satellite image (B) of the Earth, in paired tiles",
    fetch=partial(_fetch, night=False),
    options=EarthOptions(),
)


EARTH_NIGHT = Dataset(
    about="satellite image (A) and city lights at night (B) of the Earth, in paired tiles",
    fetch=partial(_fetch, night=True),
    options=EarthOptions(),
)
