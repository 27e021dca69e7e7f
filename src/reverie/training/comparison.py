"""Several runs on one page: their figures, curves, samples, and the options that differ."""

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reverie.core.errors import UserError
from reverie.core.files import write_atomic
from reverie.core.html import page, text
from reverie.core.outputs import refuse_replacing
from reverie.core.result import Result, lines_of
from reverie.runs.run import Run
from reverie.training.curves import COLOURS, curves_html
from reverie.training.figures import Spread, figures_of, loss_curves, validation_curves
from reverie.training.films import films

Options = Mapping[str, Any]


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
    named = dict(zip(names, runs, strict=True))
    differing = differing_options(runs)
    head = "".join(f"<th>{text(name)}</th>" for name in names)
    rows = "".join(
        f"<tr><td>{option}</td>{''.join(f'<td>{text(v)}</td>' for v in values)}</tr>"
        for option, values in differing.items()
    )
    results = results_table([(name, {}, figures_of(run)) for name, run in named.items()])
    body = f"""<h1>{" · ".join(map(text, names))}</h1>
<p class="about">{len(runs)} runs side by side</p>
<h2>Results</h2>{results}
<h2>Differing options</h2><table><tr><th></th>{head}</tr>{rows}</table>
{curves_and_sheets(named, {name: name for name in names})}"""
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


def curves_and_sheets(runs: Mapping[str, Run], labels: Mapping[str, str]) -> str:
    """Losses, validations and preview sheets of runs; `labels` are the legend's, by run."""
    losses = [loss_curves(run, labels[name]) for name, run in runs.items()]
    validations = [validation_curves(run, labels[name]) for name, run in runs.items()]
    measured = any(curves.points for curves in validations)
    return (
        (f"<h2>Validation</h2>{curves_html(validations, epochs=True)}" if measured else "")
        + f"<h2>Losses</h2>{curves_html(losses, epochs=True)}"
        + (films(runs) or "<p>no samples yet</p>")
    )


def results_table(
    rows: Sequence[tuple[str, Options, Mapping[str, float | Spread]]],
    colours: Mapping[str, int] | None = None,
) -> str:
    """A table that a click on a heading sorts: a row for each run or setting.

    Args:
        rows: name, options and figures of each; options stand for the name where there are some.
        colours: which of the curves' colours is that of a name; by default its place.
    """
    options = list(dict.fromkeys(option for _, values, _ in rows for option in values))
    figures = list(dict.fromkeys(figure for _, _, found in rows for figure in found))
    titles = ("", *options, *(figure.replace("[", " [") for figure in figures))
    head = "".join(f"<th>{text(title)}</th>" for title in titles)
    body = ""
    for number, (name, values, found) in enumerate(rows):
        colour = COLOURS[(number if colours is None else colours[name]) % len(COLOURS)]
        shown = f'<span class="swatch" style="background:{colour}" title="{text(name)}"></span>'
        shown += "" if values else f" {text(name)}"
        body += f'<tr><td data-value="{text(name)}">{shown}</td>'
        body += "".join(_option_cell(values.get(option)) for option in options)
        body += "".join(_figure_cell(found.get(figure)) for figure in figures) + "</tr>"
    return (
        f'<div class="scroll"><table class="sortable"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _option_cell(value: object) -> str:
    shown = "+".join(map(str, value)) if isinstance(value, list | tuple) else value
    return f'<td data-value="{text(shown)}">{text(shown)}</td>'


def _figure_cell(value: float | Spread | None) -> str:
    mean = value.mean if isinstance(value, Spread) else value
    if mean is None or not math.isfinite(mean):
        return '<td data-value="">–</td>'
    return f'<td data-value="{mean}">{html.escape(shown_figure(value))}</td>'


def shown_figure(value: float | Spread | None) -> str:
    """A figure for people: four digits, or mean ± standard deviation."""
    if value is None:
        return "–"
    if isinstance(value, Spread):
        deviation = f" ± {_digits(value.deviation, 2)}" if value.deviation else ""
        return shown_figure(value.mean) + deviation
    return _digits(value, 4)


def _digits(value: float, count: int) -> str:
    """A number with so many digits, or all that stand before the point."""
    whole = value % 1 == 0 or abs(value) >= 10 ** (count - 1)
    return f"{value:,.0f}" if whole and abs(value) < 1e12 else f"{value:.{count}g}"
