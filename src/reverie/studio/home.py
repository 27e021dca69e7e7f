"""The studio's home folder: runs, uploads, outputs, and the paths that lie inside of it."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reverie.core.errors import UserError
from reverie.core.files import folder_bytes
from reverie.core.result import Json
from reverie.core.trash import Trash

HIDDEN = ".studio"
IMAGES = frozenset([".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".avif", ".tif", ".tiff"])
MOST_LISTED = 1000
"""Entries of a folder that are listed at once."""


@dataclass(frozen=True)
class Home:
    """A folder that holds all that the studio reads and writes; `folder` is resolved."""

    folder: Path

    @staticmethod
    def at(folder: Path) -> "Home":
        """The home in `folder`, whose subfolders are made where they are missing."""
        home = Home(folder.resolve())
        for one in (home.runs, home.uploads, home.outputs, home.hidden, home.jobs, home.trash):
            one.mkdir(parents=True, exist_ok=True)
        return home

    @property
    def runs(self) -> Path:
        return self.folder / "runs"

    @property
    def uploads(self) -> Path:
        return self.folder / "uploads"

    @property
    def outputs(self) -> Path:
        return self.folder / "outputs"

    @property
    def database(self) -> Path:
        return self.folder / "studio.sqlite"

    @property
    def hidden(self) -> Path:
        """What is the studio's own: output of jobs, thumbnails, what was deleted."""
        return self.folder / HIDDEN

    @property
    def jobs(self) -> Path:
        return self.hidden / "jobs"

    @property
    def trash(self) -> Path:
        return self.hidden / "trash"

    @property
    def thumbnails(self) -> Path:
        return self.hidden / "thumbnails"

    def used_bytes(self) -> int:
        """The size of all files in the home; links are not followed."""
        return folder_bytes(self.folder)

    def inside(self, place: str) -> Path:
        """The absolute path of a file or folder in the home, links followed.

        Raises:
            UserError: if the path leads out of the home, or into the studio's own folder.
        """
        wrong = UserError(f"{place[:200]!r} is no path inside of the studio's home.")
        if "\0" in place or "\\" in place or place.startswith(("/", "~")):
            raise wrong
        try:
            path = Path(os.path.realpath(self.folder / place))
        except (OSError, ValueError):
            raise wrong from None
        if not path.is_relative_to(self.folder) or path == self.database:
            raise wrong
        if path.is_relative_to(self.hidden) or path.name.startswith(self.database.name):
            raise wrong
        return path

    def relative(self, path: Path) -> str:
        """A path in the home as the page names it."""
        return path.relative_to(self.folder).as_posix()

    def new_folder(self, parent: Path) -> Path:
        """A new empty folder in `parent`, with a name that nobody can guess."""
        folder = parent / secrets.token_hex(6)
        folder.mkdir(parents=True)
        return folder

    def move_to_trash(self, folder: Path) -> str:
        """Move a folder to the trash; returns what `restore` takes."""
        return Trash(self.trash).add(folder, self.relative(folder))

    def restore(self, key: str) -> str:
        """Move a folder back from the trash; returns its path in the home.

        Raises:
            UserError: if it is not in the trash, or something else has taken its place.
        """
        trash = Trash(self.trash)
        path = self.inside(trash.origin(key))
        if path.exists():
            raise UserError(f"{self.relative(path)} is there again: rename it, then undo.")
        trash.give_back(key, path)
        return self.relative(path)


def listing(home: Home, path: Path, offset: int, limit: int) -> dict[str, Json]:
    """The folders in a folder of the home, and a part of its images."""
    entries = sorted(path.iterdir(), key=lambda entry: entry.name)
    shown = [e for e in entries if not e.name.startswith(".") and not e.is_symlink()]
    files = [entry for entry in shown if entry.suffix.lower() in IMAGES]
    return {
        "path": home.relative(path),
        "total": len(files),
        "folders": [entry.name for entry in shown if entry.is_dir()][:MOST_LISTED],
        "files": [
            {"name": one.name, "path": home.relative(one), "size": one.stat().st_size}
            for one in files[offset : offset + limit]
        ],
    }


def relative_paths(value: Any, home: Home) -> Any:
    """An answer with paths as the page names them."""
    if isinstance(value, dict):
        return {relative_paths(k, home): relative_paths(v, home) for k, v in value.items()}
    if isinstance(value, list):
        return [relative_paths(one, home) for one in value]
    if isinstance(value, str) and value.startswith(f"{home.folder}/"):
        return home.relative(Path(value))
    return value
