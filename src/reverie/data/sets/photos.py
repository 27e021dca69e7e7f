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
from reverie.data.source import Dataset

PACKAGES = ("lomiri-wallpapers-16.04", "lomiri-wallpapers-20.04", "plasma-workspace-wallpapers")


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
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
        progress.say("downloading the photographs with apt-get, 121 MB")
        done = subprocess.run(
            ["apt-get", "download", "-q", *PACKAGES],
            cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        archives = sorted(Path(folder).glob("*.deb"))
        if done.returncode or len(archives) < len(PACKAGES):
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise UserError(f"apt-get could not download the photographs ({reason}).")
        unpacked = Path(folder) / "unpacked"
        for archive in archives:
            subprocess.run(["dpkg-deb", "-x", str(archive), str(unpacked)], check=True)
        found = {_name(p): p for p in sorted(unpacked.rglob("*.jpg")) if _is_photograph(p)}
        made = Path(folder) / "photos"
        for name, file in progress.track(found.items(), len(found), "downscaling"):
            write_atomic(
                made / "train" / f"{name}.png", image_io.encode(_smaller(image_io.read(file)))
            )
        made.replace(out)
    return {"train": len(found)}


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
