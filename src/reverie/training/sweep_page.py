"""`sweep.html` and `sweep.json`: the runs of a sweep with their figures, curves and samples."""

import json
from collections.abc import Mapping
from pathlib import Path

from reverie.core.files import write_atomic
from reverie.core.html import page, text
from reverie.core.result import Json, counted, plain
from reverie.runs.run import Run
from reverie.training.comparison import curves_and_sheets
from reverie.training.sweep_result import SweepResult
from reverie.training.tables import results_table

RECORD, PAGE = "sweep.json", "sweep.html"


def write_record(folder: Path, definition: Mapping[str, Json], result: SweepResult) -> None:
    """Write what a sweep is and how far it came, as JSON."""
    content = {"sweep": plain(definition), **result.to_json()}
    write_atomic(folder / RECORD, json.dumps(content, indent=2) + "\n")


def write_page(definition: Mapping[str, Json], result: SweepResult) -> None:
    """Write the page of a sweep."""
    runs, settings = result.runs, result.settings
    labels = {run.name: run.label for run in runs}
    order = {label: number for number, label in enumerate(dict.fromkeys(labels.values()))}
    finished = sum(run.state == "finished" for run in runs)
    name = text(result.folder.resolve().name)
    spreads = ""
    if settings:
        rows = results_table([(one.name, one.options, one.figures) for one in settings], order)
        spreads = (
            "<h2>Settings</h2><p>Mean ± standard deviation over the seeds of the finished runs. "
            f"A click on a heading sorts.</p>{rows}"
        )
    table = results_table(
        [(run.name, run.options | {"state": run.state}, run.figures) for run in runs],
        {run.name: order[run.label] for run in runs},
    )
    failed = "".join(
        f"<p><b>{text(run.name)}</b> failed: {text(run.error)}</p>" for run in result.failed
    )
    named = {run.name: Run(run.folder) for run in runs}
    done = f"finished: {finished} of {counted(len(runs), 'run')}"
    body = f"""<h1>{name}</h1>
<p class="about">{text(definition["method"])} · {done}</p>
{failed}{spreads}<h2>Runs</h2>{table}{NOTE}
{curves_and_sheets(named, labels)}"""
    write_atomic(result.page, page(f"{name} · sweep · reverie", body))


NOTE = (
    '<p class="about">best, final: of the validations; loss: mean over the last tenth of the log; '
    "minutes: training time; parameters: of all networks.</p>"
)
