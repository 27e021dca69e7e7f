"""Cache of decoded images: a memory-mapped file, keyed by content and options.

One process builds an entry while others wait for it. Whatever a crash or a bad disk leaves of an
entry is noticed when it is opened, and built again.
"""

import hashlib
import math
import os
import shutil
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reverie.core import progress
from reverie.core.errors import UserError
from reverie.core.files import readable_bytes, replace_folder, write_atomic
from reverie.core.image_size import ImageSize, Size
from reverie.core.memory import collection_paused
from reverie.core.result import counted
from reverie.core.threads import in_threads
from reverie.data.cache_folder import (
    META,
    PIXELS,
    building,
    hold,
    images_folder,
    make_room,
    remove_abandoned,
)
from reverie.data.memo import content_digest, sealed, unsealed
from reverie.data.source import Source

LAYOUT = 2
"""Version of the cache's file format; caches of other versions are ignored."""

CHECKED_BYTES = 2**26
"""Bytes of evenly spaced images whose checksums are compared when an entry is opened."""

Decode = Callable[[int], np.ndarray]
"""Returns image i, resized, uint8 [H, W, C]."""

Shape = tuple[int, int, int]


class RaggedImages:
    """Images of different sizes in one array of pixels [N]: image i is a view [H, W, C]."""

    def __init__(self, pixels: np.ndarray, shapes: Sequence[Shape]) -> None:
        self._shapes = shapes
        self._starts = np.cumsum([0, *(math.prod(shape) for shape in shapes)])
        self._pixels = pixels

    def __len__(self) -> int:
        return len(self._shapes)

    def __getitem__(self, index: int) -> np.ndarray:
        start, end = self._starts[index], self._starts[index + 1]
        return self._pixels[start:end].reshape(self._shapes[index])


@dataclass(frozen=True)
class CachedImages:
    """Decoded images; `broken` has the errors of files that were skipped, by name."""

    images: np.ndarray | RaggedImages
    broken: dict[str, str]


def fingerprint_of(source: Source, shape: str) -> str:
    """Hash of the images' names and contents and of the options that decoding depends on.

    Raises:
        UserError: if a file cannot be read.
    """
    whole = f"{LAYOUT} {content_digest(source)} {shape}"
    return hashlib.sha256(whole.encode()).hexdigest()[:16]


def decode_cached(
    source: Source, shape: str, decode: Decode, size: ImageSize | None
) -> tuple[str, CachedImages]:
    """Decoded images of a source, from the cache if present.

    Args:
        source: the image files.
        shape: string of all options that `decode` depends on.
        decode: returns image i.
        size: of the images, or None if their sizes differ.

    Returns:
        Fingerprint of the content, and the images.

    Raises:
        UserError: if no image can be read, or the cache cannot be written.
    """
    remove_abandoned()
    key = fingerprint_of(source, shape)
    folder = images_folder() / key
    cached = open_entry(folder, source.names, size)
    if cached is None:
        try:
            cached = _build(source, shape, decode, size, folder)
        except OSError as error:
            raise UserError(
                f"{folder}: the decoded images cannot be written ({error.strerror or error}): make "
                "room there, use --no-cache, or set REVERIE_CACHE to another disk."
            ) from None
    return key, cached


def _build(
    source: Source, shape: str, decode: Decode, size: ImageSize | None, folder: Path
) -> CachedImages:
    with building(folder, "decoding images"):
        cached = open_entry(folder, source.names, size)  # another process may have built it
        if cached is None:
            if folder.exists():
                progress.say(f"{folder} is damaged or of an older version: decoding again")
            _fill(source, shape, decode, folder)
            cached = open_entry(folder, source.names, size)
    if cached is None:
        raise UserError(
            f"{folder}: the decoded images are not read as they were written: check this disk, or "
            "use --no-cache."
        )
    return cached


def open_entry(
    folder: Path, names: Sequence[str] | None, size: ImageSize | None, *, every: bool = False
) -> CachedImages | None:
    """The images of an entry; None if it is absent or damaged.

    Args:
        folder: the entry.
        names: of the images, as the source has them; None does not compare them.
        size: of the images, or None if their sizes differ.
        every: compare the checksums of all images, not of `CHECKED_BYTES`.
    """
    try:
        with collection_paused():
            meta = Meta.read((folder / META).read_text(), names, size)
        with open(folder / PIXELS, "rb") as file:
            if os.fstat(file.fileno()).st_size != meta.bytes:
                return None
            hold(file)
            flat = np.memmap(file, np.uint8, "r", shape=(meta.bytes,))
    except (OSError, ValueError):
        return None
    ragged = RaggedImages(flat, meta.shapes)
    count = len(ragged)
    chosen = count if every else max(1, min(count, CHECKED_BYTES * count // meta.bytes))
    for index in np.linspace(0, count - 1, chosen).astype(int):
        if zlib.crc32(ragged[index].tobytes()) != meta.checksums[index]:
            return None
    if size is None:
        return CachedImages(ragged, meta.broken)
    return CachedImages(flat.reshape(count, *meta.shapes[0]), meta.broken)


@dataclass(frozen=True)
class Meta:
    """What `meta.json` says of the pixels: shapes and checksums of images, skipped files."""

    shapes: list[Shape]
    checksums: list[int]
    broken: dict[str, str]
    about: str

    @property
    def bytes(self) -> int:
        return sum(math.prod(shape) for shape in self.shapes)

    def write(self, path: Path) -> None:
        content = {"shapes": self.shapes, "crc32": self.checksums, "broken": self.broken}
        write_atomic(path, sealed(content | {"about": self.about}))

    @classmethod
    def read(cls, text: str, names: Sequence[str] | None, size: ImageSize | None) -> "Meta":
        """Parse a file, which must be of images of `names` and `size`.

        Raises:
            ValueError: if it is damaged, or of other images.
        """
        content = unsealed(text)
        shapes, sums, broken = (content.get(key) for key in ("shapes", "crc32", "broken"))
        if not (isinstance(shapes, list) and shapes and _is_shape(shapes[0])):
            raise ValueError("shapes")
        alike = shapes.count(shapes[0]) == len(shapes)
        if not (alike or all(map(_is_shape, shapes))):
            raise ValueError("shapes")
        if not (isinstance(sums, list) and len(sums) == len(shapes)):
            raise ValueError("crc32")
        if not (isinstance(broken, dict) and all(isinstance(v, str) for v in broken.values())):
            raise ValueError("broken")
        if names is not None and len(shapes) != sum(name not in broken for name in names):
            raise ValueError("names")
        if size is not None:
            expected = [*Size.of(size).shape, shapes[0][2]]
            if not (alike and shapes[0] == expected):
                raise ValueError("size")
        return cls([(h, w, c) for h, w, c in shapes], sums, broken, str(content.get("about")))


def _is_shape(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 3
        and all(type(side) is int and side > 0 for side in value)
    )


def _decode_all(source: Source, decode: Decode) -> Iterator[np.ndarray | str]:
    """Decode on all cores: an image or an error message each."""

    def tried(index: int) -> np.ndarray | str:
        try:
            return decode(index)
        except UserError as error:
            return str(error)

    return in_threads(tried, range(len(source.names)))


def _fill(source: Source, shape: str, decode: Decode, folder: Path) -> None:
    """Decode all images into the entry `folder`, which is replaced as a whole or not at all."""
    count = len(source.names)
    broken: dict[str, str] = {}
    shapes: list[Shape] = []
    checksums: list[int] = []
    with replace_folder(folder) as aside:
        with open(aside / PIXELS, "wb") as file:
            decoded = progress.track(_decode_all(source, decode), count, "decoding")
            for name, image in zip(source.names, decoded, strict=True):
                if isinstance(image, str):
                    broken[name] = image
                    continue
                if not shapes:
                    _announce(image.nbytes * count, count, folder)
                shapes.append((image.shape[0], image.shape[1], image.shape[2]))
                pixels = image.tobytes()
                checksums.append(zlib.crc32(pixels))
                file.write(pixels)
            file.flush()
            os.fsync(file.fileno())
        if not shapes:
            raise UserError(
                f"none of {counted(count, 'image')} can be read: {broken[source.names[0]]}"
            )
        about = f"{counted(len(shapes), 'image')} of {source.place}, {shape}"
        Meta(shapes, checksums, broken, about).write(aside / META)


def _announce(need: int, count: int, folder: Path) -> None:
    """Print the cache's size, estimated from the first image; refuse without the disk space."""
    make_room(need)
    progress.say(f"caching {count:,} decoded images, {readable_bytes(need)} in {folder}")
    free = shutil.disk_usage(folder.parent).free
    if need > free:
        raise UserError(
            f"the decoded images need {readable_bytes(need)} and {folder.parent} has "
            f"{readable_bytes(free)} left; use --no-cache, or set REVERIE_CACHE to another disk."
        )
