"""Training reports: one self-contained HTML file.

Loss curves are read from `log.jsonl` and images from `samples/`; a report can be written anytime.
"""

import html
from pathlib import Path
from typing import Any

import numpy as np

from reverie.core.files import write_atomic
from reverie.core.html import page, table
from reverie.core.image_size import Size
from reverie.core.progress import readable_seconds
from reverie.core.result import plain
from reverie.methods import METHODS
from reverie.methods.recipe import Recipe
from reverie.runs.run import Run
from reverie.training.curves import curves_html
from reverie.training.diagnostics import kind_of
from reverie.training.figures import diversity_curves, loss_curves, validation_curves
from reverie.training.films import films
from reverie.training.quantities import RATIO


def write_report(run: Run) -> Path:
    """Write the report of a run to its folder; returns its path."""
    facts, recipe, log = run.facts(), run.recipe(), run.read_log()
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
    body = f"""<h1>{name}</h1>
<p class="about">{METHODS.find(recipe.method).about} · {html.escape(str(recipe.data.data))} ·
{size} {"grayscale" if spec["channels"] == 1 else "RGB"}</p>
<div class="tiles">{"".join(_tile(k, v) for k, v in tiles.items())}</div>
<div class="row">{films({name: run})}</div>
<h2>Losses</h2>{curves_html([loss_curves(run, name)])}
{_troubles(log)}{_diversity(run, name)}{_validation(run, name)}
<h2>Options</h2>{_options_table(recipe)}
<h2>Where it ran</h2>{table(_where(facts))}"""
    write_atomic(run.report, page(f"{name} · reverie", body))
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


def _diversity(run: Run, name: str) -> str:
    """Curves of the samples' diversity, where it was compared with the training images'."""
    curves = diversity_curves(run, name)
    if not curves.points:
        return ""
    return f"<h2>Samples beside training images</h2><p>{RATIO.about}</p>{curves_html([curves])}"


def _validation(run: Run, name: str) -> str:
    if not run.read_evaluations():
        return ""
    return f"<h2>Validation</h2>{curves_html([validation_curves(run, name)])}"


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
