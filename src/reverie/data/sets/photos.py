"""Free photographs for super-resolution: the wallpapers of three Debian packages, and the animals,
monuments and things of a fourth, GCompris.

Downloaded with `apt-get download`; nothing is installed. Only photographs are kept, downscaled so
that they are sharp at pixel level. Each package names its authors and licenses, which are free.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from reverie.core import image_io, progress
from reverie.core.errors import UserError
from reverie.core.files import write_atomic
from reverie.data.archive import DownloadError, Package, download_debian, read_members
from reverie.data.qt_resources import read_resources
from reverie.data.source import Dataset

GCOMPRIS = Package(
    "gcompris-qt-data",
    "3.1-2",
    "e9cf06ab2105529068df73085784e835d2ff03f870d2a8091f09125d40abac9f",
)
WALLPAPERS = (
    Package(
        "lomiri-wallpapers-16.04",
        "20.04.0-2",
        "a99ff6a3bfe451e4cc0682ecb3cc82e71740626d59e4845ae34a0a0e45421eab",
    ),
    Package(
        "lomiri-wallpapers-20.04",
        "20.04.0-2",
        "d44e89b8473aafe64a5b678f014862dc31335aaaf18665c544d985d854f1a709",
    ),
    Package(
        "plasma-workspace-wallpapers",
        "4:5.27.5-2",
        "32cd18b71c8c938a18b3b351f217c02ac590e323caa3cf322fbb875ce8892f8b",
    ),
)
"""Those of Debian 12."""


SHORTER_SIDE, SHORTER_SIDE_OF_GCOMPRIS = 960, 576
"""In pixels; the larger photographs of GCompris were compressed more."""
SMALLEST_SIDE = 160
"""Smaller photographs are left out, so that crops of 128 differ."""

ACTIVITIES = "gcompris/src/activities/"
PHOTOGRAPHED = (
    "categorization/resource/images/fishes",
    "categorization/resource/images/monuments",
    "categorization/resource/images/others",
    "categorization/resource/images/renewable",
    "categorization/resource/images/tools",
    "erase/resource",
    "explore_farm_animals/resource/animals",
    "explore_monuments/resource",
    "explore_world_animals/resource/animals",
    "explore_world_music/resource/music",
)
"""Folders of GCompris' activities that hold photographs."""


DRAWN = frozenset(
    [
        "ColdRipple",
        "DarkestHour",
        "Elarun",
        "FlyingKonqui",
        "Flow",
        "Grey",
        "Honeywave",
        "Kite",
        "OneStandsOut",
        "PastelHills",
        "SafeLanding",
        "Shell",
        "Volna",
        "analogpattern",
        "Painting-Colors",
    ]
)
"""Wallpapers that are not photographs."""


def get_photos(out: Path) -> dict[str, int]:
    """Write photographs with a shorter side of at most 960 pixels to `out/train`.

    Raises:
        UserError: if apt is not installed, or the packages cannot be downloaded.
    """
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise UserError(
                f"the photographs are Debian packages, and {tool} is not installed: use a folder "
                "of your own photographs with --data."
            )
    with tempfile.TemporaryDirectory() as folder:
        progress.say("downloading the photographs with apt-get, 165 MB")
        try:
            archives = download_debian((*WALLPAPERS, GCOMPRIS), Path(folder))
        except DownloadError as error:
            raise UserError(
                f"apt-get could not download the photographs, which are those of Debian 12 "
                f"({error}): use a folder of your own photographs with --data."
            ) from None
        found: dict[str, tuple[bytes, int]] = {}
        for archive in archives[:-1]:
            images = _files_of(archive, "usr/share/", ".jpg")
            kept = {_name(Path(n)): c for n, c in sorted(images) if _is_photograph(Path(n))}
            found |= {name: (content, SHORTER_SIDE) for name, content in kept.items()}
        for name, content in _of_gcompris(archives[-1]).items():
            found[name] = content, SHORTER_SIDE_OF_GCOMPRIS
        count = 0
        for name in progress.track(sorted(found), len(found), "downscaling"):
            content, side = found[name]
            file = Path(folder, "photograph")
            file.write_bytes(content)
            pixels = _smaller(image_io.read(file), side)
            if min(pixels.shape[:2]) >= SMALLEST_SIDE:
                write_atomic(out / "train" / f"{name}.png", image_io.encode(pixels))
                count += 1
    return {"train": count}


def _files_of(archive: Path, prefix: str, suffix: str) -> list[tuple[str, bytes]]:
    """Path and content of the files in a Debian package."""
    command = ["dpkg-deb", "--fsys-tarfile", str(archive)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as unpacked:
        assert unpacked.stdout is not None
        return list(read_members(unpacked.stdout, prefix, suffix))


def _of_gcompris(archive: Path) -> dict[str, bytes]:
    """The photographs of GCompris by activity, folder and name."""
    found = {}
    for _, content in _files_of(archive, "usr/share/gcompris-qt/rcc/", ".rcc"):
        for folder in PHOTOGRAPHED:
            for name, image in read_resources(content, f"{ACTIVITIES}{folder}/", ".webp"):
                parts = Path(name).relative_to(ACTIVITIES).with_suffix("").parts
                found["-".join((parts[0], *parts[-2:]))] = image
    return found


def _name(file: Path) -> str:
    """Name of a wallpaper; Plasma's is that of the folder two levels above the file."""
    return file.parents[2].name if file.parent.name == "images" else file.stem


def _is_photograph(file: Path) -> bool:
    if file.parent.name == "images":
        width = int(file.stem.split("x")[0])
        return width > 1100 and _name(file) not in DRAWN
    return file.parent.name == "backgrounds" and file.stem.split("_by_")[0] not in DRAWN


def _smaller(pixels: np.ndarray, shorter_side: int) -> np.ndarray:
    height, width = pixels.shape[:2]
    share = min(1.0, shorter_side / min(height, width))
    shape = round(width * share), round(height * share)
    image = Image.fromarray(image_io.with_channels(pixels, 3))
    return np.asarray(image.resize(shape, Image.Resampling.LANCZOS))


PHOTOS = Dataset(
    about="photographs for super-resolution, from Debian's packages",
    fetch=lambda out, options: get_photos(out),
)
