"""Emoji dataset of two domains, paired by code point: Windows (A) and Apple (B).

Both are downloaded with `npm pack`. The Windows images (Fluent 3D, by Microsoft) are under the MIT
licence; Apple's are Apple's property, for study, and stay in the local cache.
"""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from reverie.data.archive import Package, download_npm, read_members
from reverie.data.source import Dataset

WINDOWS = (
    Package(
        "@lobehub/fluent-emoji-3d",
        "1.1.0",
        "c1bb7eee7de090205a232518a9ab4adb3df458bfbe8a1f78232991194c8b2e58",
    ),
    "package/assets/",
    ".webp",
)


APPLE = (
    Package(
        "emoji-datasource-apple",
        "16.0.0",
        "b34d1665e136f163b0d4433318df151895b785186e8c729b2211b43017945075",
    ),
    "package/img/apple/64/",
    ".png",
)


NAME = re.compile("[0-9a-z_-]+")
"""Names of images in both packages, in lower case."""


TEST_COUNT = 300


def get_emoji(out: Path) -> dict[str, int]:
    """Write trainA, trainB, testA and testB to `out`; returns the number of images in each.

    Raises:
        UserError: if npm is not installed, or the packages cannot be downloaded.
    """
    kinds = (WINDOWS, APPLE)
    with tempfile.TemporaryDirectory() as folder:
        packages = [package for package, _, _ in kinds]
        archives = download_npm(packages, Path(folder), "the emojis", "115 MB")
        makers = [
            dict(_images(archive, prefix, suffix))
            for archive, (_, prefix, suffix) in zip(archives, kinds, strict=True)
        ]
    return write_sides(out, *makers, suffixes=(WINDOWS[2], APPLE[2]))


def _images(archive: Path, prefix: str, suffix: str) -> Iterator[tuple[str, bytes]]:
    with open(archive, "rb") as file:
        for member, content in read_members(file, prefix, suffix):
            name = code_point(member.removeprefix(prefix).removesuffix(suffix))
            if NAME.fullmatch(name):
                yield name, content


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
    for part, chosen in parts.items():
        for side, images, suffix in zip("AB", (a, b), suffixes, strict=True):
            folder = out / f"{part}{side}"
            folder.mkdir(parents=True)
            for name in chosen:
                (folder / f"{name}{suffix}").write_bytes(images[name])
            counts[folder.name] = len(chosen)
    return counts


EMOJI = Dataset(
    about="Windows' (A) and Apple's (B) emojis, matched by code point",
    fetch=lambda out, options: get_emoji(out),
)
