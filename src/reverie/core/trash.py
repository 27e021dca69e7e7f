"""A folder to which folders are moved instead of being deleted, and from which they return."""

import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from reverie.core.errors import UserError

CONTENT, ORIGIN = "content", "from"
"""Names in the folder of an entry: what was moved, and a file that says where from."""


LONGEST = 60
"""Characters of a name that a key has, of 255 bytes at most."""

ENCODING = {"encoding": "utf-8", "errors": "surrogateescape"}
"""Of names of files, which may be no UTF-8."""


@dataclass(frozen=True)
class Trash:
    """Moved folders, each below `folder` in a folder of its own, whose name is its key."""

    folder: Path

    def add(self, path: Path, origin: str) -> str:
        """Move the folder `path` here; returns its key. `origin` is what says where from.

        Raises:
            OSError: if it cannot be moved; it is then unchanged.
        """
        key = f"{secrets.token_hex(6)}-{path.name[:LONGEST]}"
        place = self.folder / key
        place.mkdir(parents=True)
        try:
            (place / ORIGIN).write_text(origin, **ENCODING)
            os.replace(path, place / CONTENT)
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
        return key

    def entries(self) -> Iterator[tuple[str, str]]:
        """Key and origin of everything that can be given back, the newest first."""
        try:
            found = [place for place in self.folder.iterdir() if os.path.lexists(place / CONTENT)]
        except FileNotFoundError:
            return
        for place in sorted(found, key=lambda place: -place.stat().st_mtime):
            yield place.name, (place / ORIGIN).read_text(**ENCODING)

    def origin(self, key: str) -> str:
        """Where an entry came from.

        Raises:
            UserError: if it is not here.
        """
        origin = dict(self.entries()).get(key)
        if origin is None:
            raise UserError("this is not in the trash any more.")
        return origin

    def give_back(self, key: str, path: Path) -> None:
        """Move an entry to `path`.

        Raises:
            UserError: if something else is there.
        """
        if os.path.lexists(path):
            raise UserError(f"{path} is there again: rename it, then restore the other.")
        path.parent.mkdir(parents=True, exist_ok=True)
        os.replace(self.folder / key / CONTENT, path)
        shutil.rmtree(self.folder / key, ignore_errors=True)

    def empty(self) -> None:
        """Delete everything that is here, for good."""
        if self.folder.is_dir():
            shutil.rmtree(self.folder)
