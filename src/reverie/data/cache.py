"""Cache of decoded images: a memory-mapped file, keyed by content and options."""

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from reverie.core import progress
from reverie.core.errors import UserError
from reverie.core.files import cache_home, readable_bytes, write_atomic
from reverie.data.source import Source

BROKEN_TO_NAME = 10


LAYOUT = 2
"""Version of the cache's file format; caches of other versions are ignored."""


Decode = Callable[[int], np.ndarray]
"""Returns image i, resized, uint8 [H, W, C]."""


class RaggedImages:
    """Images of different sizes in one memory-mapped file: image i is a view [H, W, C]."""

    def __init__(self, file: Path, shapes: list[tuple[int, int, int]]) -> None:
        self._shapes = shapes
        self._starts = np.cumsum([0, *(int(np.prod(shape)) for shape in shapes)])
        self._pixels = np.memmap(file, np.uint8, "r", shape=(int(self._starts[-1]),))

    def __len__(self) -> int:
        return len(self._shapes)

    def __getitem__(self, index: int) -> np.ndarray:
        start, end = self._starts[index], self._starts[index + 1]
        return self._pixels[start:end].reshape(self._shapes[index])


def stat_digest(source: Source) -> str:
    """Hash of the files' paths, sizes and modification times; fast, does not read the files."""
    if not source.files:
        return source.digest()[:16]
    whole = hashlib.sha256()
    for file in source.files:
        stat = file.stat()
        whole.update(f"{file.resolve()}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return whole.hexdigest()[:16]


def decode_cached(
    source: Source, shape: str, decode: Decode, size: int | None
) -> tuple[str, "np.ndarray | RaggedImages", dict[str, str]]:
    """Decoded images of a source, from the cache if present.

    Args:
        source: the image files.
        shape: string of all options that `decode` depends on.
        decode: returns image i.
        size: side of the square images, or None if their sizes differ.

    Returns:
        Fingerprint of the content, the images, and the errors of skipped files by name.

    Raises:
        UserError: if no image can be read, or there is not enough disk space for the cache.
    """
    if source.files:
        known = cache_home() / "digests" / stat_digest(source)
        if not known.exists():
            write_atomic(known, source.digest())
        content = known.read_text()
    else:
        content = source.digest()
    key = hashlib.sha256(f"{LAYOUT} {content} {shape}".encode()).hexdigest()[:16]
    folder = cache_home() / "pictures" / key
    if not (folder / "meta.json").exists():
        _fill(source, decode, folder)
    meta = json.loads((folder / "meta.json").read_text())
    _report_broken(meta["broken"], len(source.names))
    shapes = [tuple(one) for one in meta["shapes"]]
    if size is None:
        return key, RaggedImages(folder / "pixels", shapes), meta["broken"]
    pixels = np.memmap(folder / "pixels", np.uint8, "r", shape=(len(shapes), *shapes[0]))
    return key, pixels, meta["broken"]


def _decode_all(source: Source, decode: Decode) -> Iterator[np.ndarray | str]:
    """Decode on all cores; yields an image or an error message."""

    def tried(index: int) -> np.ndarray | str:
        try:
            return decode(index)
        except UserError as error:
            return str(error)

    workers = os.cpu_count() or 1
    count = len(source.names)
    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, count, 8 * workers):
            yield from pool.map(tried, range(start, min(start + 8 * workers, count)))


def _fill(source: Source, decode: Decode, folder: Path) -> None:
    count = len(source.names)
    folder.parent.mkdir(parents=True, exist_ok=True)
    broken: dict[str, str] = {}
    shapes = []
    aside = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}.part")
    aside.mkdir()
    try:
        with open(aside / "pixels", "wb") as file:
            decoded = progress.track(_decode_all(source, decode), count, "decoding")
            for name, image in zip(source.names, decoded, strict=True):
                if isinstance(image, str):
                    broken[name] = image
                    continue
                if not shapes:
                    _announce(image.nbytes * count, count, folder)
                shapes.append(image.shape)
                file.write(image.tobytes())
        if not shapes:
            raise UserError(f"none of the {count} images can be read: {broken[source.names[0]]}")
        (aside / "meta.json").write_text(json.dumps({"shapes": shapes, "broken": broken}))
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(aside, folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _announce(need: int, count: int, folder: Path) -> None:
    """Print the cache's size, estimated from the first image; refuse without the disk space."""
    progress.say(f"caching {count:,} decoded images, {readable_bytes(need)} in {folder}")
    free = shutil.disk_usage(folder.parent).free
    if need > free:
        raise UserError(
            f"the decoded images need {readable_bytes(need)} and {folder.parent} has "
            f"{readable_bytes(free)} left; use --no-cache, or set REVERIE_CACHE to another disk."
        )


def _report_broken(broken: dict[str, str], count: int) -> None:
    if broken:
        named = ", ".join(list(broken)[:BROKEN_TO_NAME])
        more = f" and {len(broken) - BROKEN_TO_NAME} more" if len(broken) > BROKEN_TO_NAME else ""
        progress.warn(
            f"{len(broken)} of {count:,} images are damaged and skipped: {named}{more}; "
            "`reverie data check` lists the error of each."
        )
