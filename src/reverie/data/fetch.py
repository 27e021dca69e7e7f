"""Fetch or draw a dataset into the cache, where `--data NAME` finds it."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from reverie.core.errors import UserError
from reverie.core.files import part_name, remove_partial_files
from reverie.core.result import Json, Result, lines_of
from reverie.data.sets import DATASETS
from reverie.data.source import FetchOptions, set_folder


@dataclass(frozen=True)
class FetchResult(Result):
    """The folder of a dataset, and how many images it holds by part."""

    folder: Path
    counts: dict[str, int]
    data: str
    """What names it after `--data`."""

    def to_json(self) -> dict[str, Json]:
        return {"folder": str(self.folder), **self.counts}

    def summary(self) -> str:
        return f"{lines_of(self.counts)}\nuse them with --data {self.data}"


def fetch(name: str, options: FetchOptions | None = None, out: Path | None = None) -> FetchResult:
    """Fetch the dataset called `name`.

    Args:
        name: a dataset that is not built in.
        options: the dataset's own; its defaults where they are left out.
        out: a folder; by default the cache.

    Raises:
        UserError: if there is no such dataset, it is there already, or it could not be fetched.
    """
    dataset = DATASETS.find(name)
    if dataset.fetch is None:
        raise UserError(f"{name} comes with its package: use it with --data {name}.")
    chosen = dataset.options if options is None else options
    known = chosen.folder_name(name)
    folder = set_folder(known) if out is None else out
    remove_partial_files(folder.parent)
    aside = part_name(folder)
    try:
        _refuse_existing(folder)
        counts = dataset.fetch(aside, chosen)
        _refuse_existing(folder)  # another process may have fetched it meanwhile
        os.replace(aside, folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return FetchResult(folder, counts, known if out is None else str(out))


def _refuse_existing(folder: Path) -> None:
    if os.path.lexists(folder):
        raise UserError(f"{folder} exists already: use it with --data, or remove it first.")
