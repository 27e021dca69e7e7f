"""Emojis of two makers, paired by code point: Windows' (A), and Apple's or Google's (B).

They are downloaded with `npm pack`. The Windows images (Fluent 3D, by Microsoft) are under the MIT
licence, Google's (Noto) under the Apache License 2.0: pictures of these two may be shown. Apple's
are Apple's property, for study, and stay in the local cache.
"""

import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from reverie.data.archive import Package, download_npm, read_members
from reverie.data.source import Dataset


@dataclass(frozen=True)
class Maker:
    """Where the emojis of a maker are: a package, a folder in it, and the suffix of its images."""

    package: Package
    prefix: str
    suffix: str
    megabytes: int


WINDOWS = Maker(
    Package(
        "@lobehub/fluent-emoji-3d",
        "1.1.0",
        "c1bb7eee7de090205a232518a9ab4adb3df458bfbe8a1f78232991194c8b2e58",
    ),
    "package/assets/",
    ".webp",
    megabytes=16,
)
APPLE = Maker(
    Package(
        "emoji-datasource-apple",
        "16.0.0",
        "b34d1665e136f163b0d4433318df151895b785186e8c729b2211b43017945075",
    ),
    "package/img/apple/64/",
    ".png",
    megabytes=99,
)
GOOGLE = Maker(
    Package(
        "emoji-datasource-google",
        "16.0.0",
        "fb5fd131b362aab7a55542d2a147a79708cce0a8b1c1bbacd470172708b5c438",
    ),
    "package/img/google/64/",
    ".png",
    megabytes=74,
)


NAME = re.compile("[0-9a-z_-]+")
"""Names of images in both packages, in lower case."""


TEST_COUNT = 300


def get_emoji(out: Path, a: Maker, b: Maker) -> dict[str, int]:
    """Write trainA, trainB, testA and testB to `out`; returns the number of images in each.

    Raises:
        UserError: if npm is not installed, or the packages cannot be downloaded.
    """
    size = f"{a.megabytes + b.megabytes} MB"
    with tempfile.TemporaryDirectory() as folder:
        packages = [a.package, b.package]
        archives = download_npm(packages, Path(folder), "the emojis", size)
        images = [dict(_images(*one)) for one in zip(archives, (a, b), strict=True)]
    return write_sides(out, *images, suffixes=(a.suffix, b.suffix))


def _images(archive: Path, maker: Maker) -> Iterator[tuple[str, bytes]]:
    with open(archive, "rb") as file:
        for member, content in read_members(file, maker.prefix, maker.suffix):
            name = code_point(member.removeprefix(maker.prefix).removesuffix(maker.suffix))
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
    fetch=lambda out, options: get_emoji(out, WINDOWS, APPLE),
)
EMOJI_FREE = Dataset(
    about="Windows' (A) and Google's (B) emojis, matched by code point, under free licenses",
    fetch=lambda out, options: get_emoji(out, WINDOWS, GOOGLE),
)
