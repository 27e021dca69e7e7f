"""Zip archives of strangers: files in them are read into memory by name, within bounds.

Nothing is unpacked to the disk, so that no name in an archive can lead out of a folder. Links are
no files, and what an archive would unpack to is known before it is read.
"""

import stat
import zipfile
import zlib
from collections.abc import Collection, Iterable
from pathlib import Path

from reverie.core.errors import UserError
from reverie.core.files import readable_bytes

LARGEST_RATIO = 200
"""Of what an archive unpacks to and its own size; compressed weights and images are far below."""

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Ways to compress whose reader stops where it is told to; that of the others does not."""

ERRORS = (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, zlib.error)
"""What `zipfile` raises at an archive that is damaged or encrypted."""


def read_zip(path: Path, names: Collection[str]) -> dict[str, bytes]:
    """The content of the files `names` of an archive, as far as it has them, by name.

    Args:
        path: the archive.
        names: paths in it, the first of which says where the others are: at the top, or in a
            folder at the top.

    Raises:
        UserError: if it is no zip archive, or it is damaged, encrypted or too large.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            top = _top(archive.namelist(), next(iter(names)))
            wanted = {top + name: name for name in names}
            found = [e for e in archive.infolist() if e.filename in wanted and is_file(e)]
            _refuse_large(path, found)
            return {wanted[entry.filename]: _content(archive, entry) for entry in found}
    except UserError:
        raise
    except ERRORS as error:
        raise UserError(f"{path}: this zip archive cannot be read ({error}).") from None


def is_file(entry: zipfile.ZipInfo) -> bool:
    """Whether an entry is a plain file, neither a folder nor a link."""
    return not entry.is_dir() and not stat.S_ISLNK(entry.external_attr >> 16)


def unpacked_bytes(entries: Iterable[zipfile.ZipInfo]) -> int:
    """What entries unpack to, by what the archive says of them."""
    return sum(entry.file_size for entry in entries)


def _refuse_large(path: Path, entries: Collection[zipfile.ZipInfo]) -> None:
    whole = unpacked_bytes(entries)
    if whole > LARGEST_RATIO * path.stat().st_size:
        raise UserError(f"{path} would unpack to {readable_bytes(whole)}, which is too large.")


def _content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """At most as many bytes as the archive says that the entry has, whatever is in it."""
    if entry.compress_type not in METHODS:
        raise NotImplementedError("its files must be stored or deflated")
    with archive.open(entry) as file:
        return file.read(entry.file_size)


def _top(names: Collection[str], wanted: str) -> str:
    """The folder, with its slash, in which `wanted` is; empty for the top."""
    inner = {n for n in names if n.endswith(f"/{wanted}") and n.count("/") == 1}
    return inner.pop().removesuffix(wanted) if wanted not in names and len(inner) == 1 else ""
