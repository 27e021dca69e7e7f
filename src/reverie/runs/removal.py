"""Removing runs to a trash beside them, and restoring them from there."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reverie.core.errors import UserError
from reverie.core.files import folder_bytes, path_of, readable_bytes
from reverie.core.lock import is_locked
from reverie.core.result import Result, counted
from reverie.core.trash import Trash
from reverie.runs.place import RUNS
from reverie.runs.summary import run_folder

TRASH = ".trash"
"""Name of the trash in the folder that a run was in."""

Runs = str | Path | Sequence[str | Path]


@dataclass(frozen=True)
class RemoveResult(Result):
    """The runs that were moved to the trash, and the trashes."""

    runs: list[Path]
    trashes: list[Path]
    size_bytes: int

    def summary(self) -> str:
        places = " and ".join(map(str, self.trashes))
        first = str(self.runs[0]) if len(self.runs) == 1 else "RUN"
        return (
            f"{counted(len(self.runs), 'run')}, {readable_bytes(self.size_bytes)}, moved to "
            f"{places}; reverie rm --restore {first} brings it back."
        )


@dataclass(frozen=True)
class RestoreResult(Result):
    """The runs that are back."""

    runs: list[Path]

    def summary(self) -> str:
        return "\n".join(map(str, self.runs))


@dataclass(frozen=True)
class EmptyResult(Result):
    """What was deleted for good."""

    runs: list[str]
    size_bytes: int

    def summary(self) -> str:
        return f"{counted(len(self.runs), 'run')} deleted, {readable_bytes(self.size_bytes)} freed"


def remove_runs(runs: Runs, *, force: bool = False) -> RemoveResult:
    """Move runs to the trash beside them, `.trash`; nothing is moved if one of them cannot be.

    Args:
        runs: folders of runs.
        force: move those as well in which a training is running, which then fails.

    Raises:
        UserError: if one is no run, or is being trained.
    """
    folders = removable(runs, force=force)
    size = sum(map(folder_bytes, folders))
    for folder in folders:
        trash_of(folder).add(folder, folder.name)
    trashes = dict.fromkeys(trash_of(folder).folder for folder in folders)
    return RemoveResult(folders, list(trashes), size)


def removable(runs: Runs, *, force: bool = False) -> list[Path]:
    """The folders of runs, each once.

    Raises:
        UserError: if one is no run, or is being trained, or none is named.
    """
    folders = {os.path.abspath(path): path for path in map(_exact, map(run_folder, _listed(runs)))}
    for folder in folders.values():
        if is_locked(folder) and not force:
            raise UserError(
                f"{folder}: a training is running there: stop it first, or add --force, with which "
                "it fails."
            )
    return list(folders.values())


def restore_runs(runs: Runs) -> RestoreResult:
    """Move runs back from the trash beside them, each as it was removed last.

    Args:
        runs: the folders that they were in.

    Raises:
        UserError: if one is not in the trash, or something else is in its place.
    """
    found = []
    for folder in map(_exact, map(path_of, _listed(runs))):
        trash = trash_of(folder)
        known = {origin: key for key, origin in reversed(list(trash.entries()))}  # newest last
        if folder.name not in known:
            held = f"it holds {', '.join(known)}" if known else "it is empty"
            raise UserError(f"{folder} is not in {trash.folder}: {held}.")
        if os.path.lexists(folder):
            raise UserError(f"{folder} is there again: rename it, then restore the other.")
        found.append((folder, known[folder.name]))
    for folder, key in found:
        trash_of(folder).give_back(key, folder)
    return RestoreResult([folder for folder, _ in found])


def empty_trash(folder: str | Path = RUNS) -> EmptyResult:
    """Delete for good what was removed from a folder of runs."""
    trash = Trash(path_of(folder) / TRASH)
    names = [origin for _, origin in trash.entries()]
    size = folder_bytes(trash.folder)
    trash.empty()
    return EmptyResult(names, size)


def trash_of(run: Path) -> Trash:
    """The trash beside a run."""
    return Trash(run.parent / TRASH)


def _listed(runs: Runs) -> list[str | Path]:
    listed = [runs] if isinstance(runs, str | Path) else list(runs)
    if not listed:
        raise UserError("name one run or more.")
    return listed


def _exact(folder: Path) -> Path:
    """A path whose last part is the folder's name, which `.` and `..` are not."""
    return folder if folder.name not in ("", "..") else Path(os.path.abspath(folder))
