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
    arrays_folder,
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
    """Bytes of decoded images and features that are kept."""
    images: tuple[Entry, ...]
    """Decoded images, those used last at the end."""
    features: tuple[Entry, ...]
    """Features of datasets, those used last at the end."""
    sets: dict[str, int]
    """Fetched datasets by name, with their sizes in bytes."""

    def to_json(self) -> dict[str, Json]:
        facts = {"folder": str(self.folder), "limit": self.limit}
        images, features = (_to_json(part) for part in (self.images, self.features))
        return facts | {"images": images, "features": features, "sets": self.sets}

    def summary(self) -> str:
        kept = (*self.images, *self.features)
        total = readable_bytes(sum(entry.bytes for entry in kept))
        rows = [
            f"  {readable_bytes(e.bytes):>8}  {e.about}; used {readable_age(e.used)}" for e in kept
        ]
        fetched = [f"  {readable_bytes(size):>8}  {name}" for name, size in self.sets.items()]
        return "\n".join(
            [
                str(self.folder),
                f"decoded images and features: {total}, at most {readable_bytes(self.limit)}",
                *rows,
                f"fetched datasets: {readable_bytes(sum(self.sets.values()))}",
                *fetched,
            ]
        )


def _to_json(entries: Sequence[Entry]) -> list[Json]:
    return [
        {"folder": str(e.folder), "bytes": e.bytes, "used": e.used, "about": e.about}
        for e in entries
    ]


def manage_cache(
    *, verify: bool = False, empty: bool = False, remove: Sequence[str] = ()
) -> CacheResult:
    """Check or empty the cache as asked, and return what it then holds.

    Args:
        verify: read all decoded images and features and remove those that are damaged; forget what
            is known of files, so that their contents are read again when they are used next.
        empty: remove all decoded images and features that no process uses.
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
    kept = entries()
    images, features = (
        tuple(entry for entry in kept if _is_of_arrays(entry) == wanted) for wanted in (False, True)
    )
    return CacheResult(cache_home(), cache_limit(), images, features, _sets())


def _is_of_arrays(entry: Entry) -> bool:
    return entry.folder.parent == arrays_folder()


def _sets() -> dict[str, int]:
    found = (p for p in sorted(sets_folder().glob("[!.]*")) if p.is_dir() and not p.is_symlink())
    return {folder.name: folder_bytes(folder) for folder in found}


def _remove_folder(folder: Path) -> None:
    """Remove a folder, whole or, as far as its name goes, not at all."""
    aside = part_name(folder)
    os.replace(folder, aside)
    shutil.rmtree(aside)


def _verify() -> None:
    from reverie.data.array_cache import open_arrays  # imports PyTorch

    _forget()
    for entry in entries():
        if _is_of_arrays(entry):
            intact = open_arrays(entry.folder) is not None
        else:
            intact = open_entry(entry.folder, None, None, every=True) is not None
        if not intact:
            progress.warn(f"{entry.folder} is damaged; it is made again when it is needed.")
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
