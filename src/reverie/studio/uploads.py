"""Uploaded images and archives: written into the home, with limits, and nothing outside of it."""

import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from reverie.core.errors import UserError
from reverie.core.files import readable_bytes
from reverie.core.image_formats import HEIF_SUFFIXES, SUFFIXES
from reverie.core.zip_file import ERRORS, LARGEST_RATIO, is_file, unpacked_bytes
from reverie.studio.home import Home

MOST_BYTES, MOST_FILES = 8_000_000_000, 100_000
MOST_BYTES_OF_A_FILE = 2_000_000_000
"""Of the content of an archive to its size: images hardly shrink."""
CHUNK = 1 << 20
TABLES = frozenset([".csv", ".txt"])


def upload_folder(home: Home, name: object) -> Path:
    """The folder of uploads of that name, or a new one without a name.

    Raises:
        UserError: if it is no folder of uploads.
    """
    if not isinstance(name, str) or not name:
        return home.new_folder(home.uploads)
    target = home.inside(name)
    if not target.is_relative_to(home.uploads) or not target.is_dir():
        raise UserError("folder must be a folder of uploads.")
    return target


class Upload:
    """One upload into a folder; counts what it writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: list[Path] = []
        self.skipped: list[dict[str, str]] = []
        self._bytes = 0

    def add(self, name: str, stream: BinaryIO) -> None:
        """Write a file, or the images of a zip archive.

        Raises:
            UserError: if the upload is too large.
        """
        if name.lower().endswith(".zip"):
            self._unpack(name, stream)
            return
        if Path(name).suffix.lower() not in SUFFIXES | HEIF_SUFFIXES | TABLES:
            self._skip(name, "this is no image, no table and no zip archive")
            return
        self._write(name, stream)

    def _unpack(self, name: str, stream: BinaryIO) -> None:
        try:
            with zipfile.ZipFile(stream) as archive:
                self._refuse_bomb(name, archive, stream)
                for entry in archive.infolist():
                    self._unpack_entry(name, archive, entry)
        except ERRORS as error:
            self._skip(name, f"this archive cannot be read ({error})")

    def _refuse_bomb(self, name: str, archive: zipfile.ZipFile, stream: BinaryIO) -> None:
        """Refuse an archive that would fill the disk, by what it says of itself."""
        size = stream.seek(0, 2)
        whole = unpacked_bytes(archive.infolist())
        if whole > LARGEST_RATIO * max(size, 1) or whole + self._bytes > MOST_BYTES:
            raise UserError(f"{name} would unpack to {readable_bytes(whole)}: it is too large.")

    def _unpack_entry(self, name: str, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
        if entry.is_dir() or PurePosixPath(entry.filename).name.startswith("."):
            return
        if entry.filename.startswith("__MACOSX/"):
            return
        if not is_file(entry):
            self._skip(entry.filename, "this is a link")
            return
        if Path(entry.filename).suffix.lower() not in SUFFIXES | HEIF_SUFFIXES | TABLES:
            self._skip(entry.filename, "this is no image")
            return
        with archive.open(entry) as content:
            self._write(entry.filename, content)  # type: ignore[arg-type]

    def _write(self, name: str, stream: BinaryIO) -> None:
        """Write a file below the folder; what exists already is not replaced."""
        if len(self.files) >= MOST_FILES:
            raise UserError(f"an upload has at most {MOST_FILES:,} files.")
        path = self._place(name)
        if path is None:
            self._skip(name, "this is no name of a file")
            return
        written = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(path, "xb") as file:
                for chunk in _chunks(stream):
                    written += len(chunk)
                    self._bytes += len(chunk)
                    if written > MOST_BYTES_OF_A_FILE or self._bytes > MOST_BYTES:
                        raise UserError(
                            f"{name}: a file has at most {readable_bytes(MOST_BYTES_OF_A_FILE)}, "
                            f"and an upload {readable_bytes(MOST_BYTES)}."
                        )
                    file.write(chunk)
        except FileExistsError:
            self._skip(name, "there is a file of this name already")
            return
        except (OSError, zipfile.BadZipFile) as error:
            path.unlink(missing_ok=True)
            if isinstance(error, OSError) and error.errno is not None:
                raise UserError(f"{name}: it could not be written ({error.strerror}).") from None
            self._skip(name, f"it is damaged ({error})")
            return
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        self.files.append(path)

    def _place(self, name: str) -> Path | None:
        """Where a file goes: below the folder, whatever its name says."""
        parts = [part for part in PurePosixPath(name.replace("\\", "/")).parts if part != "/"]
        if not parts or any(part in ("..", ".") or "\0" in part for part in parts):
            return None
        if any(len(part.encode(errors="replace")) > 200 for part in parts) or len(parts) > 12:
            return None
        return self.folder.joinpath(*parts)

    def _skip(self, name: str, why: str) -> None:
        self.skipped.append({"name": name[:300], "why": why})

    def undo(self) -> None:
        """Delete what was written, after an error."""
        for path in self.files:
            path.unlink(missing_ok=True)
        if not any(path.is_file() for path in self.folder.rglob("*")):
            shutil.rmtree(self.folder, ignore_errors=True)


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    while chunk := stream.read(CHUNK):
        yield chunk
