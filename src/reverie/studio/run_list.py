"""The runs in the studio's home, as the page sees them: short in a list, and each in full."""

import math
import threading
from dataclasses import dataclass
from typing import Any

from reverie.core.errors import UserError
from reverie.core.image_size import Size
from reverie.core.lock import is_locked
from reverie.core.progress import readable_duration
from reverie.core.result import Json, plain
from reverie.runs.run import Run
from reverie.runs.summary import RunSummary, change_times, run_folders
from reverie.studio.home import Home

MOST_POINTS = 2000

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
            return [folder.name for folder in run_folders(self.home.runs)]
        except FileNotFoundError:  # removed while the studio is open; the next run makes it again
            return []

    def changed(self) -> list[str]:
        """The runs that came, went or changed since this was last asked."""
        times = {name: change_times(self.home.runs / name) for name in self.names()}
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
        times = change_times(folder)
        with self._lock:
            known = self._looks.get(name)
        if known is not None and known.times == times:
            return known.facts | {"training": is_locked(folder)}
        summary = RunSummary.of(folder)
        if summary is None:
            return None
        facts = _facts(summary, self.home)
        with self._lock:
            self._looks[name] = Look(times, facts)
        return facts | {"training": is_locked(folder)}

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


def _facts(summary: RunSummary, home: Home) -> dict[str, Json]:
    from reverie.methods import METHODS

    kind = METHODS.get(summary.method)
    seconds, sheet = summary.seconds, summary.sheet
    return {
        "name": summary.folder.name,
        "path": home.relative(summary.folder),
        "method": summary.method,
        "task": None if kind is None else task_of(kind),
        "capabilities": [] if kind is None else capabilities_of(kind),
        "data": summary.data,
        "preset": summary.preset,
        "latent_size": summary.latent_size,
        "step": summary.step,
        "steps": summary.steps,
        "seconds": seconds,
        "minutes": seconds / 60,
        "time": readable_duration(seconds) if seconds else None,
        "finished": summary.finished,
        "sheet": None if sheet is None else home.relative(sheet),
        "began": summary.began,
        "changed": summary.changed,
        "figures": summary.figures,
        "speed": summary.speed,
        "has_model": summary.has_model,
    }


def _number(value: Json) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
