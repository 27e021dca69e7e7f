"""The runs in the studio's home, as the page sees them: short in a list, and each in full."""

import json
import math
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reverie.core.errors import UserError
from reverie.core.image_size import Size
from reverie.core.lock import is_held
from reverie.core.progress import readable_duration
from reverie.core.result import Json, plain
from reverie.runs.run import SHEET_NAME, Run
from reverie.studio.home import Home

LAST_BYTES = 20_000
"""Of a log, which hold its last lines."""
MOST_FIGURES, MOST_POINTS = 4, 2000

CAPABILITIES = {
    "sample": "generate",
    "denoise": "denoise",
    "encode": "encode",
    "translate": "translator",
    "upscale": "upscaler",
}
"""What a method can do, by the name of the function that does it."""


@dataclass(frozen=True)
class Look:
    """What was read of a run, and the times of change of the files that it was read from."""

    times: tuple[float, ...]
    facts: dict[str, Json]


class RunList:
    """The runs of a home; what has not changed on disk is not read again."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._looks: dict[str, Look] = {}
        self._lock = threading.Lock()
        self._times: dict[str, tuple[float, ...]] = {}

    def names(self) -> list[str]:
        """The folders that hold a run."""
        try:
            with os.scandir(self.home.runs) as entries:
                folders = [entry.name for entry in entries if entry.is_dir()]
        except FileNotFoundError:  # removed while the studio is open; the next run makes it again
            return []
        return [name for name in folders if (self.home.runs / name / "options.json").is_file()]

    def changed(self) -> list[str]:
        """The runs that came, went or changed since this was last asked."""
        times = {name: _times(self.home.runs / name) for name in self.names()}
        before, self._times = self._times, times
        return sorted(
            name for name in times.keys() | before.keys() if times.get(name) != before.get(name)
        )

    def page(self, offset: int, limit: int, search: str = "") -> dict[str, Any]:
        """A part of the list, the run that changed last first."""
        words = search.lower().split()
        found = [look for look in map(self.look, self.names()) if look is not None]
        chosen = [
            facts
            for facts in found
            if all(word in f"{facts['name']} {facts['method']} {facts['data']}".lower()
                   for word in words)
        ]  # fmt: skip
        chosen.sort(key=lambda facts: (-_number(facts["changed"]), str(facts["name"])))
        return {"total": len(chosen), "runs": chosen[offset : offset + limit]}

    def look(self, name: str) -> dict[str, Json] | None:
        """A run in short; None if its folder is gone or holds something else."""
        folder = self.home.runs / name
        times = _times(folder)
        with self._lock:
            known = self._looks.get(name)
        if known is not None and known.times == times:
            return known.facts | {"training": is_held(folder)}
        try:
            facts = _facts(folder, self.home.relative(folder), times)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, UserError):
            return None
        with self._lock:
            self._looks[name] = Look(times, facts)
        return facts | {"training": is_held(folder)}

    def run(self, name: str) -> Run:
        """The run of that name.

        Raises:
            UserError: if there is none.
        """
        folder = self.home.inside(f"runs/{name}")
        if folder.parent != self.home.runs or not (folder / "options.json").is_file():
            raise UserError(f"there is no run {name[:80]!r} any more.")
        return Run(folder)

    def details(self, name: str) -> dict[str, Json]:
        """A run in full: its options, curves, sheets and what is wrong with it.

        Raises:
            UserError: if there is none, or it is damaged.
        """
        from reverie.methods import METHODS
        from reverie.training.diagnostics import diagnose

        run = self.run(name)
        short = self.look(name)
        facts, recipe, log = run.facts(), run.recipe(), run.read_log()
        if short is None:
            raise UserError(f"{name}: this run is damaged.")
        conditional = METHODS[recipe.method].conditional or getattr(
            recipe.options, "conditional", False
        )
        size = Size.of(facts["pictures"]["image_size"])
        models = [folder for folder in (run.model, run.best) if folder.is_dir()]
        return short | {
            "options": {key: plain(value) for key, value in recipe.flat().items()},
            "curves": curves(log, run.read_evaluations()),
            "sheets": self._sheets(run),
            "warnings": list(diagnose(log, recipe.options)),
            "classes": list(facts["pictures"]["class_names"]) if conditional else [],
            "image_size": [size.width, size.height],
            "channels": facts["pictures"]["channels"],
            "images": facts["picture_count"],
            "files": {
                "report": self.home.relative(run.report) if run.report.is_file() else None,
                "models": [self.home.relative(folder) for folder in models],
            },
        }

    def _sheets(self, run: Run) -> list[Json]:
        return [
            {"kind": kind, "step": step, "path": self.home.relative(path)}
            for kind in run.sheet_kinds()
            for step, path in run.sheets(kind).items()
        ]


def curves(log: list[dict[str, Any]], evaluations: list[dict[str, Any]]) -> list[Json]:
    """What was logged, one panel for each quantity; long series are thinned out."""
    from reverie.training.curves import panels_of, points_of
    from reverie.training.quantities import quantity_of

    compared = [line for line in log if line.get("diversity")]
    points = (
        points_of(log, "losses")
        | points_of(compared, "diversity")
        | points_of(evaluations, "figures")
    )
    panels: list[Json] = []
    for title, names in panels_of(points, single=True).items():
        quantity = quantity_of(names[0])
        series: list[Json] = []
        for name in names:
            every = math.ceil(len(points[name]) / MOST_POINTS)
            kept = points[name][::-1][::every][::-1]  # the newest stays
            series.append({
                "name": name,
                "steps": [step for step, _ in kept],
                "values": [value if math.isfinite(value) else None for _, value in kept],
            })  # fmt: skip
        panels.append(
            {"quantity": title, "axis": quantity.axis, "about": quantity.about, "series": series}
        )
    return panels


def task_of(method: type) -> str:
    """What a method is for: generate, translate, upscale, or latent for what has no images."""
    if getattr(method, "kept_beside_init", None) is not None:
        return "latent"  # made for a generator that is there already
    can = capabilities_of(method)
    for task, verb in (("translate",) * 2, ("upscale",) * 2, ("generate", "sample")):
        if verb in can:
            return task
    return "latent"


def capabilities_of(method: type) -> list[str]:
    """What models of a method can do."""
    return [verb for verb, name in CAPABILITIES.items() if hasattr(method, name)]


def _facts(folder: Path, path: str, times: tuple[float, ...]) -> dict[str, Json]:
    from reverie.methods import METHODS

    content = json.loads((folder / "options.json").read_bytes())
    log, evaluation = _last_line(folder / "log.jsonl"), _last_line(folder / "evaluations.jsonl")
    method, training = str(content["method"]), content["training"]
    kind = METHODS.get(method)
    step, steps = int(log.get("step", 0)), training.get("steps")
    seconds = float(log.get("seconds", 0.0))
    finished = _is_finished(folder, training, log)
    began = time.mktime(time.strptime(content["began"], "%Y-%m-%d %H:%M:%S"))
    return {
        "name": folder.name,
        "path": path,
        "method": method,
        "task": None if kind is None else task_of(kind),
        "capabilities": [] if kind is None else capabilities_of(kind),
        "data": content["data"].get("data"),
        "preset": content.get("preset"),
        "latent_size": content.get("options", {}).get("latent_size"),
        "step": step,
        "steps": steps,
        "seconds": seconds,
        "minutes": seconds / 60,
        "time": readable_duration(seconds) if seconds else None,
        "finished": finished,
        "sheet": _newest_sheet(folder / "samples", f"{path}/samples"),
        "began": began,
        "changed": max(times),
        "figures": _figures(log, evaluation),
        "speed": log.get("images_per_second"),
        "has_model": (folder / "model").is_dir(),
    }


def _is_finished(folder: Path, training: Mapping[str, Any], log: Mapping[str, Any]) -> bool:
    """Whether a run has come to its end, by its length and its last log line."""
    if not (folder / "report.html").is_file() or not (folder / "model").is_dir():
        return False
    if training.get("steps") is not None:
        return int(log.get("step", 0)) >= training["steps"]
    return True


def _figures(log: Mapping[str, Any], evaluation: Mapping[str, Any]) -> dict[str, Json]:
    """The figures of the last validation, or else the losses."""
    figures = evaluation.get("figures") or {
        name: value for name, value in log.get("losses", {}).items() if "/" not in name
    }
    finite = {k: v for k, v in figures.items() if isinstance(v, int | float) and math.isfinite(v)}
    return dict(list(finite.items())[:MOST_FIGURES])


def _newest_sheet(samples: Path, path: str) -> str | None:
    """The path of the newest sheet of samples, or of the newest of another kind."""
    found = []
    try:
        names = os.listdir(samples)
    except OSError:
        return None
    for name in names:
        match = SHEET_NAME.fullmatch(name)
        if match is not None:
            found.append((match["kind"] is None, int(match["step"]), name))
    return f"{path}/{max(found)[2]}" if found else None


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


def _times(folder: Path) -> tuple[float, ...]:
    """When the files that a run's summary is read from last changed; 0 for what is not there."""
    names = ("options.json", "log.jsonl", "evaluations.jsonl", "samples", "report.html", "model")
    times = []
    for name in names:
        try:
            times.append(os.stat(folder / name).st_mtime)
        except OSError:
            times.append(0.0)
    return tuple(times)


def _number(value: Json) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
