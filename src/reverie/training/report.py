"""Training reports: one self-contained HTML file.

Loss curves are read from `log.jsonl` and images from `samples/`; a report can be written anytime.
"""

import base64
import html
import io
import json
import math
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reverie.core.errors import UserError
from reverie.core.files import write_atomic
from reverie.core.html import data_uri, page, table
from reverie.core.image_size import Size
from reverie.core.outputs import refuse_replacing
from reverie.core.progress import printable, readable_seconds
from reverie.core.result import Result, lines_of, plain
from reverie.methods import METHODS
from reverie.methods.recipe import Recipe
from reverie.runs.run import Run

SHEETS_IN_REPORT = 40
LARGEST_PLOTTED = 1e30
"""Larger losses, and those that are not finite, are left out of the curves."""


_DRAWING = threading.Lock()
"""Matplotlib's settings and fonts are those of all threads."""

COLOURS = ("#2563eb", "#ea580c", "#16a34a", "#9333ea", "#dc2626", "#0891b2", "#a16207", "#be185d")


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
    films = "".join(_film(run, kind) for kind in run.sheet_kinds())
    size, name = Size.of(spec["image_size"]), html.escape(run.folder.resolve().name)
    body = f"""<h1>{name}</h1>
<p class="about">{METHODS.find(recipe.method).about} · {html.escape(str(recipe.data.data))} ·
{size} {"grayscale" if spec["channels"] == 1 else "RGB"}</p>
<div class="tiles">{"".join(_tile(k, v) for k, v in tiles.items())}</div>
<div class="row">{films}</div>
<h2>Losses</h2>{_curves({name: log})}
{_troubles(log)}{_measured(run, name)}<h2>Options</h2>{_options_table(recipe)}
<h2>Where it ran</h2>{table(_where(facts))}"""
    write_atomic(run.report, page(f"{name} · reverie", body))
    return run.report


@dataclass(frozen=True)
class CompareResult(Result):
    """The page, and the options that differ, each with its value by run."""

    page: Path
    differing: dict[str, dict[str, Any]]

    def summary(self) -> str:
        return f"{lines_of(self.differing)}\n{self.page}"


def write_comparison(runs: Sequence[Run], out: Path) -> CompareResult:
    """Write an HTML comparison of runs; returns the options that differ, by run.

    Raises:
        UserError: if there are fewer than two runs, or `out` is no page or a run's report.
    """
    if len(runs) < 2:
        raise UserError("a comparison needs two runs or more.")
    if out.suffix != ".html":
        raise UserError(f"{out}: a comparison is an .html page.")
    refuse_replacing([out], [run.report for run in runs])
    names = [run.folder.resolve().name for run in runs]
    if len(set(names)) < len(names):
        names = [str(run.folder) for run in runs]
    differing = differing_options(runs)
    sheets = "".join(
        f"<div><h2>{html.escape(name)}</h2>{_last_sheet(run)}</div>"
        for name, run in zip(names, runs, strict=True)
    )
    logs = {html.escape(name): run.read_log() for name, run in zip(names, runs, strict=True)}
    head = "".join(f"<th>{html.escape(name)}</th>" for name in names)
    rows = "".join(
        f"<tr><td>{option}</td>{''.join(f'<td>{html.escape(str(v))}</td>' for v in values)}</tr>"
        for option, values in differing.items()
    )
    body = f"""<h1>{" · ".join(map(html.escape, names))}</h1>
<p class="about">{len(runs)} runs side by side</p>
<h2>Differing options</h2><table><tr><th></th>{head}</tr>{rows}</table>
<div class="row">{sheets}</div>
<h2>Losses</h2>{_curves(logs)}"""
    write_atomic(out, page("comparison · reverie", body))
    return CompareResult(
        out, {option: dict(zip(names, v, strict=True)) for option, v in differing.items()}
    )


def differing_options(runs: Sequence[Run]) -> dict[str, list[Any]]:
    """Options that differ between runs, with each run's value."""
    flat = [{"method": run.recipe().method} | run.recipe().flat() for run in runs]
    names = dict.fromkeys(name for options in flat for name in options)
    rows = {name: [options.get(name, "–") for options in flat] for name in names}
    return {k: v for k, v in rows.items() if any(value != v[0] for value in v)}


def _tile(label: str, value: str) -> str:
    return f'<div class="tile"><b>{value}</b><span>{label}</span></div>'


def _film(run: Run, kind: str) -> str:
    """Sheets of one kind with a slider over steps, initially at the last."""
    sheets = list(run.sheets(kind).items())
    if not sheets:
        return ""
    chosen = sorted({round(x) for x in np.linspace(0, len(sheets) - 1, SHEETS_IN_REPORT)})
    data = [(sheets[i][0], base64.b64encode(sheets[i][1].read_bytes()).decode()) for i in chosen]
    name = html.escape(kind)
    return (
        f'<div><h2>{name.capitalize()}</h2><figure class="film" style="margin:0">'
        f'<script type="application/json">{json.dumps(data)}</script><img alt="{name}">'
        f'<input type="range" min="0" max="{len(data) - 1}" value="{len(data) - 1}" '
        f'aria-label="step"><figcaption></figcaption></figure></div>'
    )


def _last_sheet(run: Run) -> str:
    sheets = run.sheets()
    if not sheets:
        return "<p>no samples yet</p>"
    step, path = list(sheets.items())[-1]
    return f'<img alt="samples" src="{data_uri(path.read_bytes())}"><p>step {step:,}</p>'


def _troubles(log: list[dict[str, Any]]) -> str:
    """Diagnostics in the last tenth of the log."""
    late = log[-max(1, len(log) // 10) :]
    said = {t.split("(")[0]: t for line in late for t in line.get("troubles", ())}
    if not said:
        return ""
    return "<h2>Warnings</h2>" + "".join(f"<p>{html.escape(t)}</p>" for t in said.values())


def _measured(run: Run, name: str) -> str:
    lines = [{"step": x["step"], "losses": x["figures"]} for x in run.read_evaluations()]
    return f"<h2>Validation</h2>{_curves({name: lines})}" if lines else ""


def _curves(logs: dict[str, list[dict[str, Any]]]) -> str:
    if not any(line["losses"] for log in logs.values() for line in log):
        return "<p>nothing was logged yet</p>"
    linear, logarithmic = (_plot(logs, scale) for scale in ("linear", "symlog"))
    return (
        '<div class="curves"><p><button>linear / logarithmic</button></p>'
        f'<div class="linear">{linear}</div><div class="log">{logarithmic}</div></div>'
    )


def _plot(logs: dict[str, list[dict[str, Any]]], scale: str) -> str:
    """Loss curves as SVG, one panel per phase."""
    from matplotlib import rc_context  # imported here since it takes half a second
    from matplotlib.figure import Figure

    names = dict.fromkeys(n for log in logs.values() for line in log for n in line["losses"])
    panels = list(dict.fromkeys(name.split("/")[0] for name in names))
    rows = (len(panels) + 1) // 2
    figure = Figure(figsize=(11, 3.2 * rows), layout="constrained")
    axes = figure.subplots(rows, 2 if len(panels) > 1 else 1, squeeze=False).flat
    for panel, axis in zip(panels, axes, strict=False):
        mine = [name for name in names if name.split("/")[0] == panel]
        curves = [(run, name) for run in logs for name in mine]
        for number, (run, name) in enumerate(curves):
            values = [(line["step"], line["losses"].get(name, math.nan)) for line in logs[run]]
            points = [(step, value) for step, value in values if abs(value) <= LARGEST_PLOTTED]
            if points:
                label = printable(name if len(logs) == 1 else f"{run}: {name}")
                colour = COLOURS[number % len(COLOURS)]
                axis.plot(*zip(*points, strict=True), label=label, color=colour, linewidth=1.3)
        axis.set_title(printable(panel), fontsize=10)
        axis.set_xlabel("step", fontsize=9)
        if scale == "symlog":
            axis.set_yscale("symlog", linthresh=0.01)
        axis.grid(alpha=0.25)
        if axis.get_legend_handles_labels()[1]:  # none where the name of a loss begins with _
            axis.legend(fontsize=8, frameon=False)
    for axis in figure.axes[len(panels) :]:
        axis.remove()
    buffer = io.StringIO()
    # IDs must differ between the SVGs: a clip path in a hidden one would hide the other's curves.
    # Names of losses come from a file, and a $ in them begins no equation.
    with (
        _DRAWING,
        rc_context({"svg.fonttype": "none", "svg.hashsalt": scale, "text.parse_math": False}),
    ):
        figure.savefig(buffer, format="svg")
    text = re.sub(r"<metadata>.*?</metadata>", "", buffer.getvalue(), flags=re.DOTALL)
    return text[text.index("<svg") :].strip()


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
