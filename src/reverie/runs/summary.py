"""What a run has come to, in short, read from its files without PyTorch: for lists of runs."""

import json
import math
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from reverie.core.files import path_of
from reverie.core.lock import is_locked
from reverie.methods.recipe import DEFAULT_STEPS
from reverie.runs.log import EVALUATION_LINE, SHEET_NAME, best_of, read_lines
from reverie.runs.place import OPTIONS_FILE, refuse_no_run

State = Literal["running", "finished", "stopped"]


LAST_BYTES = 20_000
"""Of a log, which hold its last lines."""

MOST_FIGURES = 4

DAMAGE = (OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError)
"""What reading files raises that hold something else than was written."""

TRAINED_FILES = (OPTIONS_FILE, "log.jsonl", "evaluations.jsonl", "samples", "model")
"""What training writes, and nothing else."""

READ_FILES = (*TRAINED_FILES, "report.html")
"""What a summary is read from."""


@dataclass(frozen=True)
class RunSummary:
    """A run in short.

    Args:
        folder: where it is.
        method: what is trained.
        data: the images, as they were named.
        preset: what its options started from.
        latent_size: of methods with a latent space.
        step: how many steps are logged.
        steps: how many it is to have; None where its length is another one.
        seconds: training time.
        finished: whether it came to its end.
        began: when, in seconds since 1970.
        changed: when training wrote something last, likewise.
        figures: of the last validation, or else the losses.
        speed: images per second.
        sheet: the newest preview sheet.
        report: the page that shows it.
        has_model: whether it can be used already.
    """

    folder: Path
    method: str
    data: str | None
    preset: str | None
    latent_size: int | None
    step: int
    steps: int | None
    seconds: float
    finished: bool
    began: float
    changed: float
    figures: Mapping[str, float]
    speed: float | None
    sheet: Path | None
    report: Path | None
    has_model: bool

    @property
    def state(self) -> State:
        """Whether it is being trained now, and if not, whether it came to its end."""
        return "running" if is_locked(self.folder) else "finished" if self.finished else "stopped"

    @staticmethod
    def of(folder: Path) -> "RunSummary | None":
        """The summary of the run in a folder; None if there is none, or it is damaged."""
        try:
            return _summary(folder)
        except DAMAGE:
            return None


def run_folder(place: str | Path) -> Path:
    """The folder `place`, in which there is a run.

    Raises:
        UserError: if there is none.
    """
    refuse_no_run(place)
    return path_of(place)


def run_folders(folder: Path) -> Iterator[Path]:
    """The folders in a folder that hold a run; hidden ones are left out."""
    with os.scandir(folder) as entries:
        names = [e.name for e in entries if e.is_dir() and not e.name.startswith(".")]
    for name in sorted(names):
        if (folder / name / OPTIONS_FILE).is_file():
            yield folder / name


def change_times(folder: Path, names: Iterable[str] = READ_FILES) -> tuple[float, ...]:
    """When the files that a summary is read from last changed; 0 for what is not there."""
    times = []
    for name in names:
        try:
            times.append(os.stat(folder / name).st_mtime)
        except OSError:
            times.append(0.0)
    return tuple(times)


def _summary(folder: Path) -> RunSummary:
    content = json.loads((folder / OPTIONS_FILE).read_bytes())
    log, evaluation = _last_line(folder / "log.jsonl"), _last_line(folder / "evaluations.jsonl")
    training, report = content["training"], folder / "report.html"
    data, steps = content["data"].get("data"), training.get("steps")
    return RunSummary(
        folder=folder,
        method=str(content["method"]),
        data=None if data is None else str(data),
        preset=content.get("preset"),
        latent_size=content.get("options", {}).get("latent_size"),
        step=int(log.get("step", 0)),
        steps=None if steps is None else int(steps),
        seconds=float(log.get("seconds", 0.0)),
        finished=_is_finished(folder, content, log),
        began=time.mktime(time.strptime(content["began"], "%Y-%m-%d %H:%M:%S")),
        changed=max(change_times(folder, TRAINED_FILES)),
        figures=_figures(log, evaluation),
        speed=log.get("images_per_second"),
        sheet=newest_sheet(folder / "samples"),
        report=report if report.is_file() else None,
        has_model=(folder / "model").is_dir(),
    )


def _is_finished(folder: Path, content: Mapping[str, Any], log: Mapping[str, Any]) -> bool:
    """Whether a run has come to its end, by its length and its last log line, or was stopped
    early because validations did not improve."""
    if not (folder / "report.html").is_file() or not (folder / "model").is_dir():
        return False
    training = content["training"]
    minutes, epochs, steps = (training.get(name) for name in ("minutes", "epochs", "steps"))
    if minutes is not None:
        ended = float(log.get("seconds", 0.0)) >= 60 * minutes - 0.1  # logged with one decimal
    elif epochs is not None:
        ended = int(log.get("images_seen", 0)) >= epochs * content.get("picture_count", math.inf)
    else:
        ended = int(log.get("step", 0)) >= (DEFAULT_STEPS if steps is None else steps)
    return ended or _stopped_early(folder, training.get("patience", 0))


def _stopped_early(folder: Path, patience: int) -> bool:
    """Whether the last `patience` validations brought no improvement."""
    lines = read_lines(folder / "evaluations.jsonl", EVALUATION_LINE) if patience else []
    if not lines:
        return False
    best = best_of(lines)["step"]
    return sum(line["step"] > best for line in lines) >= patience


def _figures(log: Mapping[str, Any], evaluation: Mapping[str, Any]) -> dict[str, float]:
    """The figures of the last validation, or else the losses."""
    figures = evaluation.get("figures") or {
        name: value for name, value in log.get("losses", {}).items() if "/" not in name
    }
    finite = {k: v for k, v in figures.items() if isinstance(v, int | float) and math.isfinite(v)}
    return dict(list(finite.items())[:MOST_FIGURES])


def newest_sheet(samples: Path) -> Path | None:
    """The newest sheet of samples, or the newest of another kind."""
    found = []
    try:
        names = os.listdir(samples)
    except OSError:
        return None
    for name in names:
        match = SHEET_NAME.fullmatch(name)
        if match is not None:
            found.append((match["kind"] is None, int(match["step"]), name))
    return samples / max(found)[2] if found else None


def _last_line(file: Path) -> dict[str, Any]:
    """The last complete line of a log, as an object; an empty one if there is none."""
    try:
        with open(file, "rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - LAST_BYTES))
            lines = stream.read().split(b"\n")
    except OSError:
        return {}
    for line in reversed(lines[:-1]):
        try:
            content = json.loads(line)
        except ValueError:
            continue
        if isinstance(content, dict):
            return content
    return {}
