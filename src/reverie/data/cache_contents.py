"""What the cache holds, and how it is checked and emptied: `reverie cache`."""

import contextlib
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reverie.core import progress
from reverie.core.errors import UserError, nearest
from reverie.core.files import cache_home, part_name, readable_bytes
from reverie.core.result import Json, Result
from reverie.data.cache import open_entry
from reverie.data.cache_folder import (
    Entry,
    cache_limit,
    entries,
    folder_bytes,
    readable_age,
    remove_abandoned,
)
from reverie.data.memo import KINDS
from reverie.data.source import set_folder, sets_folder

MEMO = re.compile(r"[0-9a-f]{16}.*")
"""What the files of `reverie.data.memo` are called."""


@dataclass(frozen=True)
class CacheResult(Result):
    """What the cache holds."""

    folder: Path
    limit: int
    """Bytes of decoded images that are kept."""
    images: tuple[Entry, ...]
    """Decoded images, those used last at the end."""
    sets: dict[str, int]
    """Fetched datasets by name, with their sizes in bytes."""

    def to_json(self) -> dict[str, Json]:
        images = [
            {
                "folder": str(entry.folder),
                "bytes": entry.bytes,
                "used": entry.used,
                "about": entry.about,
            }
            for entry in self.images
        ]
        facts = {"folder": str(self.folder), "limit": self.limit}
        return facts | {"images": images, "sets": self.sets}

    def summary(self) -> str:
        total = sum(entry.bytes for entry in self.images)
        rows = [
            f"  {readable_bytes(entry.bytes):>8}  {entry.about}; used {readable_age(entry.used)}"
            for entry in self.images
        ]
        fetched = [f"  {readable_bytes(size):>8}  {name}" for name, size in self.sets.items()]
        return "\n".join(
            [
                str(self.folder),
                f"decoded images: {readable_bytes(total)}, at most {readable_bytes(self.limit)}",
                *rows,
                f"fetched datasets: {readable_bytes(sum(self.sets.values()))}",
                *fetched,
            ]
        )


def manage_cache(
    *, verify: bool = False, empty: bool = False, remove: Sequence[str] = ()
) -> CacheResult:
    """Check or empty the cache as asked, and return what it then holds.

    Args:
        verify: read all decoded images and remove those that are damaged; forget what is known of
            files, so that their contents are read again when they are used next.
        empty: remove all decoded images that no process uses.
        remove: names of fetched datasets to remove.

    Raises:
        UserError: if there is no dataset of such a name here.
    """
    folders = {name: set_folder(name) for name in _sets()}
    for name in remove:
        if name not in folders:
            hint = nearest(name, folders) if folders else "none was fetched."
            raise UserError(f"there is no fetched dataset {name!r}; {hint}")
    remove_abandoned()
    for name in remove:
        _remove_folder(folders[name])
    if verify:
        _verify()
    if empty:
        _empty()
    return CacheResult(cache_home(), cache_limit(), tuple(entries()), _sets())


def _sets() -> dict[str, int]:
    found = (p for p in sorted(sets_folder().glob("[!.]*")) if p.is_dir() and not p.is_symlink())
    return {folder.name: folder_bytes(folder) for folder in found}


def _remove_folder(folder: Path) -> None:
    """Remove a folder, whole or, as far as its name goes, not at all."""
    aside = part_name(folder)
    os.replace(folder, aside)
    shutil.rmtree(aside)


def _verify() -> None:
    _forget()
    for entry in entries():
        if open_entry(entry.folder, None, None, every=True) is None:
            progress.warn(f"{entry.folder} is damaged; the images are decoded again when used.")
            entry.remove()


def _empty() -> None:
    _forget()
    for entry in entries():
        if not entry.remove():
            progress.warn(f"kept, since a process uses it: {entry.about}")


def _forget() -> None:
    """Remove what is known of image files, nothing else that may lie beside it."""
    for kind in KINDS:
        for file in (cache_home() / kind).glob("*"):
            if MEMO.fullmatch(file.name) and file.is_file():
                with contextlib.suppress(FileNotFoundError):
                    file.unlink()
