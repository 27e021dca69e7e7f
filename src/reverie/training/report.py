"""Training reports: one self-contained HTML file.

Loss curves are read from `log.jsonl` and images from `samples/`; a report can be written anytime.
"""

import html
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reverie.core.files import write_atomic
from reverie.core.html import page, table
from reverie.core.image_size import Size
from reverie.core.lock import is_locked
from reverie.core.progress import readable_seconds
from reverie.core.result import Result, plain
from reverie.methods.index import method_entry
from reverie.methods.recipe import Recipe
from reverie.runs.run import Run, find_run
from reverie.training.curves import Curves
from reverie.training.diagnostics import kind_of
from reverie.training.figures import (
    diversity_curves,
    loss_curves,
    number_curves,
    validation_curves,
)
from reverie.training.films import films
from reverie.training.panels import panels_html, verdicts_html
from reverie.training.quantities import RATIO

DIVERSITY = "Samples beside training images"

REFRESH_SECONDS = 15
"""How often a browser loads the report of a training that goes on."""


@dataclass(frozen=True)
class ReportResult(Result):
    """The report of a run."""

    report: Path

    def summary(self) -> str:
        return str(self.report)


def report(run: str | Path) -> ReportResult:
    """Write the report of a run, which may be training; the page of one that is renews itself.

    Raises:
        UserError: if there is no run.
    """
    found = find_run(run)
    return ReportResult(write_report(found, renewed=is_locked(found.folder)))


def write_report(run: Run, *, renewed: bool = False) -> Path:
    """Write the report of a run to its folder; returns its path.

    Args:
        run: the run.
        renewed: whether the training goes on, so that the page loads itself again.
    """
    facts, recipe, log = run.facts(), run.described_recipe(), run.read_log()
    spec = facts["pictures"]
    last = log[-1] if log else None
    speeds = [line["images_per_second"] for line in log]
    tiles = {
        "steps": f"{last['step']:,}" if last else "0",
        "images seen": f"{last['images_seen']:,}" if last else "0",
        "training time": readable_seconds(last["seconds"]) if last else "0:00",
        "images/s": f"{np.median(speeds):,.0f}" if speeds else "–",
        "waiting for data": f"{np.median([x['waiting_share'] for x in log]):.1%}" if log else "–",
        "training images": f"{facts['picture_count']:,}",
    }
    size, name = Size.of(spec["image_size"]), html.escape(run.folder.resolve().name)
    method = method_entry(recipe.method)
    losses = loss_curves(run, name)
    more = {
        DIVERSITY: diversity_curves(run, name),
        "Validation": validation_curves(run, name),
        "Further numbers": number_curves(run, name),
    }
    now = time.strftime("%H:%M:%S")
    going = f'<p class="watch">Training goes on. This page is of {now} and renews itself.</p>'
    body = f"""<h1>{name}</h1>
<p class="about">{method.about} · {html.escape(str(recipe.data.data))} ·
{size} {"grayscale" if spec["channels"] == 1 else "RGB"}</p>{going if renewed else ""}
<div class="tiles">{"".join(_tile(k, v) for k, v in tiles.items())}</div>
<div class="row">{films({name: run})}</div>
{_troubles(log)}{verdicts_html([losses, *more.values()])}
<h2>Losses</h2>{panels_html(losses, method.about_losses)}
{_further(more)}
<h2>Options</h2>{_options_table(recipe)}
<h2>Where it ran</h2>{table(_where(facts))}"""
    write_atomic(run.report, page(f"{name} · reverie", body, REFRESH_SECONDS if renewed else None))
    return run.report


def _tile(label: str, value: str) -> str:
    return f'<div class="tile"><b>{value}</b><span>{label}</span></div>'


def _troubles(log: list[dict[str, Any]]) -> str:
    """Diagnostics in the last tenth of the log."""
    late = log[-max(1, len(log) // 10) :]
    said = {kind_of(t): t for line in late for t in line.get("troubles", ())}
    if not said:
        return ""
    return "<h2>Warnings</h2>" + "".join(f"<p>{html.escape(t)}</p>" for t in said.values())


def _further(more: Mapping[str, Curves]) -> str:
    """Curves that not every run has, by heading."""
    return "".join(
        f"<h2>{title}</h2>{f'<p>{RATIO.about}</p>' if title == DIVERSITY else ''}"
        f"{panels_html(curves, {})}"
        for title, curves in more.items()
        if curves.points
    )


def _options_table(recipe: Recipe) -> str:
    parts = {"method": recipe.options, "data": recipe.data, "training": recipe.training}
    columns = ""
    for title, part in parts.items():
        values = plain(part)
        assert isinstance(values, dict)
        columns += f"<div><b>{title}</b>{table(values)}</div>"
    return f'<div class="row">{columns}</div>'


def _where(facts: dict[str, Any]) -> dict[str, Any]:
    machine = {k: v for k, v in facts["machine"].items() if v is not None}
    commit = {"commit": facts["commit"]} if facts.get("commit") else {}
    return {"began": facts["began"]} | machine | facts["versions"] | commit
