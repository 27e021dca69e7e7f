"""The runs of a folder as a list, and what is shown of one of them."""

import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from reverie.core import progress
from reverie.core.errors import UserError
from reverie.core.files import folder_bytes, path_of, read_json, readable_bytes
from reverie.core.progress import printable, readable_duration
from reverie.core.result import Json, Result, plain
from reverie.core.terminal_image import image_codes, protocol_of
from reverie.core.text_table import aligned, fitted, terminal_width
from reverie.runs.place import OPTIONS_FILE, RESTORE, RUNS
from reverie.runs.summary import (
    RunSummary,
    State,
    newest_sheet,
    run_folder,
    run_folders,
)

HEADS = ("name", "method", "data", "steps", "state", "age", "size", "figure")
NAME, METHOD, DATA, STEPS, SIZE, FIGURE = 0, 1, 2, 3, 6, 7


@dataclass(frozen=True)
class ListedRun(Result):
    """A run in a list: its summary, whether it is running, finished or stopped, and its size."""

    name: str
    run: RunSummary
    state: State
    size_bytes: int

    @property
    def figure(self) -> str:
        """The first figure of the last validation, or else the first loss, with its name."""
        for name, value in self.run.figures.items():
            return f"{value:.4g} {name.split('[')[0].replace('_', ' ')}"
        return "–"

    def to_json(self) -> dict[str, Json]:
        run = self.run
        return {
            "name": self.name,
            "folder": str(run.folder),
            "method": run.method,
            "data": run.data,
            "step": run.step,
            "steps": run.steps,
            "seconds": run.seconds,
            "state": self.state,
            "began": run.began,
            "changed": run.changed,
            "figures": plain(run.figures),
            "size_bytes": self.size_bytes,
            "sheet": plain(run.sheet),
            "report": plain(run.report),
        }

    def summary(self) -> str:
        return str(self.run.folder)


@dataclass(frozen=True)
class RunsResult(Result):
    """The runs of a folder, the one that changed last first, and those that cannot be read."""

    folder: Path
    runs: list[ListedRun]
    damaged: list[Path]

    def summary(self) -> str:
        now = time.time()
        rows = [
            [
                printable(one.name),
                printable(one.run.method),
                printable(str(one.run.data or "–")),
                f"{one.run.step:,}",
                _shown_state(one),
                _age(now - one.run.changed),
                readable_bytes(one.size_bytes),
                printable(one.figure),
            ]
            for one in self.runs
        ]
        shown = fitted([HEADS, *rows], terminal_width(), (NAME, METHOD, DATA, FIGURE))
        lines = [aligned(shown, right=(STEPS, SIZE))] if rows else []
        lines += [printable(f"{folder}: this run is damaged.") for folder in self.damaged]
        return "\n".join(lines)


@dataclass(frozen=True)
class SheetResult(Result):
    """The newest preview sheet of a run."""

    run: Path
    sheet: Path

    def summary(self) -> str:
        """The sheet itself in a terminal that can show it, and its path."""
        protocol = protocol_of(os.environ) if sys.stdout.isatty() else None
        path = printable(str(self.sheet))
        if protocol is None:
            return path
        try:
            return f"{image_codes(self.sheet, protocol)}\n{path}"
        except OSError:  # it is damaged
            return path


def list_runs(folder: str | Path = RUNS) -> RunsResult:
    """The runs in `folder` and in the folders in it, as a sweep's; the newest first.

    Raises:
        UserError: if there is no such folder, or no run in it.
    """
    place = path_of(folder)
    if not place.is_dir():
        raise UserError(f"{folder}: there is no such folder; name the one that your runs are in.")
    found, damaged = [], []
    for name, one in _named(place):
        summary = RunSummary.of(one)
        if summary is None:
            damaged.append(one)
        else:
            found.append(ListedRun(name, summary, summary.state, folder_bytes(one)))
    if not found and not damaged:
        raise UserError(
            f"{folder}: there are no runs in this folder; reverie train METHOD --out "
            f"{place / 'NAME'} makes one."
        )
    found.sort(key=lambda one: -one.run.changed)
    return RunsResult(place, found, damaged)


def show(run: str | Path) -> SheetResult:
    """The newest preview sheet of a run; if its options are damaged, with a warning.

    Raises:
        UserError: if there is no run, or it has none yet.
    """
    folder = run_folder(run)
    try:
        read_json(folder / OPTIONS_FILE)
    except UserError as error:  # the sheets can be looked at all the same
        progress.warn(f"{error} {RESTORE}")
    sheet = newest_sheet(folder / "samples")
    if sheet is None:
        raise UserError(f"{run}: this run has no samples yet; the first come with --sample-every.")
    return SheetResult(folder, sheet)


def _named(folder: Path) -> Iterator[tuple[str, Path]]:
    """The runs of a folder by name; of a folder that is a run itself, that one alone."""
    if (folder / OPTIONS_FILE).is_file():
        yield folder.resolve().name, folder
        return
    for inner in sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".")):
        if (inner / OPTIONS_FILE).is_file():
            yield inner.name, inner
            continue
        try:
            for run in run_folders(inner):
                yield f"{inner.name}/{run.name}", run
        except OSError:  # a folder that may not be read has no runs for us
            continue


def _shown_state(one: ListedRun) -> str:
    steps = one.run.steps
    if one.state == "finished" or not steps:
        return one.state
    return f"{one.state} {min(one.run.step / steps, 1):.0%}"


def _age(seconds: float) -> str:
    """A duration in few letters: `40 s`, `14 min`, `2.5 h`, `3 d`."""
    words = readable_duration(max(seconds, 1.0)).split()
    short = {"second": "s", "minute": "min", "hour": "h", "day": "d"}
    return f"{words[0]} {short[words[1].removesuffix('s')]}"
