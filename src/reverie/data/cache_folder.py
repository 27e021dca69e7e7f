"""The folders of the cache: their entries, which are in use, and room for new ones.

An entry of decoded images is in use while a process has its pixels mapped into memory: each mapping
holds a shared lock of the file, which ends with the mapping or with its process.
"""

import contextlib
import os
import re
import shutil
import sys
import time
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from reverie.core import progress
from reverie.core.errors import UserError
from reverie.core.files import cache_home, part_name, readable_bytes, remove_partial_files
from reverie.core.lock import FolderLock
from reverie.data.memo import KINDS, unsealed
from reverie.data.source import sets_folder

if sys.platform != "win32":
    import fcntl

PIXELS, META = "pixels", "meta.json"

ENTRY = re.compile("[0-9a-f]{16}")
"""What an entry's folder is called."""

LIMIT = 20e9
"""Bytes of entries that are kept, unless REVERIE_CACHE_LIMIT says otherwise."""

SIZE = re.compile(r"(\d{1,12}(?:\.\d+)?)\s*([kmgt]?)b?", re.I)


@dataclass(frozen=True)
class Entry:
    """The decoded images of a dataset for one set of options, or arrays computed from them."""

    folder: Path
    bytes: int
    used: float
    """When it was last opened, in seconds since 1970."""

    @property
    def about(self) -> str:
        """What it was made of, as far as that can be read."""
        with contextlib.suppress(OSError, ValueError):
            return str(unsealed((self.folder / META).read_text()).get("about", "unknown"))
        return "damaged"

    def remove(self) -> bool:
        """Remove it, unless a process uses or builds it; returns whether it is gone."""
        aside = part_name(self.folder)
        try:
            with building(self.folder, "removing an entry of the cache", wait=False):
                if _is_held(self.folder / PIXELS):
                    return False
                os.replace(self.folder, aside)
                shutil.rmtree(_lock_folder(self.folder), ignore_errors=True)
        except FileNotFoundError:
            return True
        except UserError:
            return False
        shutil.rmtree(aside, ignore_errors=True)
        return True


def images_folder() -> Path:
    """Where decoded images are kept, one folder for each dataset and set of options."""
    return cache_home() / "pictures"


def arrays_folder() -> Path:
    """Where arrays that were computed from datasets are kept, such as features."""
    return cache_home() / "features"


def entries() -> list[Entry]:
    """All entries, the one that was used the longest time ago first."""
    found = []
    for folder in (*images_folder().glob("*"), *arrays_folder().glob("*")):
        if ENTRY.fullmatch(folder.name) and folder.is_dir() and not folder.is_symlink():
            with contextlib.suppress(FileNotFoundError):  # removed by another process meanwhile
                used = max(path.stat().st_mtime for path in (folder, *folder.glob(META)))
                found.append(Entry(folder, folder_bytes(folder), used))
    return sorted(found, key=lambda entry: entry.used)


def folder_bytes(folder: Path) -> int:
    """Size of all files below a folder."""
    return sum(
        os.lstat(os.path.join(place, name)).st_size
        for place, _, names in os.walk(folder)
        for name in names
    )


def building(folder: Path, doing: str, *, wait: bool = True) -> FolderLock:
    """The lock for building or removing the entry `folder`.

    It lies beside the entries, since an entry is replaced as a whole.
    """
    return FolderLock(_lock_folder(folder), doing, wait=wait)


def _lock_folder(folder: Path) -> Path:
    return cache_home() / "locks" / folder.name


def hold(file: BufferedReader) -> None:
    """Mark an entry as in use: for as long as `file`, or a memory map of it, is open."""
    if sys.platform != "win32":  # where a mapped file cannot be removed anyway
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    mark_used(Path(file.name).parent)


def mark_used(folder: Path) -> None:
    """Let an entry be the one that was used last."""
    with contextlib.suppress(OSError):  # a cache of another user
        os.utime(folder / META)


def _is_held(pixels: Path) -> bool:
    if sys.platform == "win32":
        return False
    try:
        with open(pixels, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def remove_abandoned() -> None:
    """Remove what killed processes left half-written."""
    memos = (cache_home() / kind for kind in KINDS)
    for folder in (images_folder(), arrays_folder(), sets_folder(), *memos):
        with contextlib.suppress(OSError):  # a cache of another user
            remove_partial_files(folder)


def cache_limit() -> int:
    """Bytes of entries to keep: `REVERIE_CACHE_LIMIT`, as 500 MB or 1.5 TB, or 20 GB.

    Raises:
        UserError: if the variable holds no size.
    """
    text = os.environ.get("REVERIE_CACHE_LIMIT", "").strip()
    if not text:
        return int(LIMIT)
    match = SIZE.fullmatch(text)
    if match is None:
        raise UserError(f"REVERIE_CACHE_LIMIT must be a size such as 20 GB, not {text!r}.")
    return int(float(match[1]) * 1000 ** " kmgt".index(match[2].lower() or " "))


def make_room(need: int) -> None:
    """Remove entries that are not in use until `need` bytes more fit the limit and the disk.

    Those used the longest time ago go first. The limit is exceeded by entries in use alone.
    """
    limit, found = cache_limit(), entries()
    total = sum(entry.bytes for entry in found)
    for entry in found:
        if total + need <= limit and need <= shutil.disk_usage(cache_home()).free:
            return
        about, age = entry.about, readable_age(entry.used)
        if entry.remove():
            total -= entry.bytes
            progress.say(
                f"removed {readable_bytes(entry.bytes)} from the cache, used {age}, to make room: "
                f"{about}"
            )


def readable_age(when: float) -> str:
    """`3 days ago`, of a time in seconds since 1970."""
    seconds = time.time() - when
    for unit, length in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        count = int(seconds // length)
        if count:
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"
