"""Free photographs for super-resolution: the wallpapers of three Debian packages.

Downloaded with `apt-get download`; nothing is installed. Only photographs are kept, downscaled so
that they are sharp at pixel level.
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
from reverie.data.source import Dataset

PACKAGES = (
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


SHORTER_SIDE = 960


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
        progress.say("downloading the photographs with apt-get, 121 MB")
        try:
            archives = download_debian(PACKAGES, Path(folder))
        except DownloadError as error:
            raise UserError(
                f"apt-get could not download the photographs, which are those of Debian 12 "
                f"({error}): use a folder of your own photographs with --data."
            ) from None
        found: dict[str, bytes] = {}
        for archive in archives:
            images = _images_of(archive)
            found |= {_name(Path(name)): images[name] for name in sorted(images)}
        for name in progress.track(sorted(found), len(found), "downscaling"):
            file = Path(folder, "photograph.jpg")
            file.write_bytes(found[name])
            path = out / "train" / f"{name}.png"
            write_atomic(path, image_io.encode(_smaller(image_io.read(file))))
    return {"train": len(found)}


def _images_of(archive: Path) -> dict[str, bytes]:
    """The photographs in a Debian package by their paths."""
    command = ["dpkg-deb", "--fsys-tarfile", str(archive)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as unpacked:
        assert unpacked.stdout is not None
        members = read_members(unpacked.stdout, "usr/share/", ".jpg")
        return {name: content for name, content in members if _is_photograph(Path(name))}


def _name(file: Path) -> str:
    """Name of a wallpaper; Plasma's is that of the folder two levels above the file."""
    return file.parents[2].name if file.parent.name == "images" else file.stem


def _is_photograph(file: Path) -> bool:
    if file.parent.name == "images":
        width = int(file.stem.split("x")[0])
        return width > 1100 and _name(file) not in DRAWN
    return file.parent.name == "backgrounds" and file.stem.split("_by_")[0] not in DRAWN


def _smaller(pixels: np.ndarray) -> np.ndarray:
    height, width = pixels.shape[:2]
    share = min(1.0, SHORTER_SIDE / min(height, width))
    shape = round(width * share), round(height * share)
    image = Image.fromarray(image_io.with_channels(pixels, 3))
    return np.asarray(image.resize(shape, Image.Resampling.LANCZOS))


PHOTOS = Dataset(
    about="photographs for super-resolution, from Debian's wallpapers",
    fetch=lambda out, options: get_photos(out),
)
