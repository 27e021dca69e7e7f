"""Several runs on one page: their figures, the options that differ, curves and samples."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reverie.core.errors import UserError
from reverie.core.files import path_of, write_atomic
from reverie.core.html import page, text
from reverie.core.outputs import refuse_replacing
from reverie.core.progress import printable
from reverie.core.result import Json, Result
from reverie.core.text_table import shortened
from reverie.runs.place import TOO_FEW, with_runs_inside
from reverie.runs.run import Run, find_run
from reverie.training.curves import curves_html
from reverie.training.figures import figures_of, loss_curves, validation_curves
from reverie.training.films import films
from reverie.training.tables import (
    Column,
    columns_text,
    figures_text,
    fitting,
    results_table,
    shown_option,
)

MOST_NAMES = 3
"""Runs that the title of a page names."""

MOST_COLUMNS = 4
"""Runs that stand beside each other with their names in a line."""

MOST_LINES, LONGEST_VALUE = 15, 20
"""Of the options that differ, in a terminal."""


@dataclass(frozen=True)
class CompareResult(Result):
    """The page, what the runs have come to, and the options that differ, each by run."""

    page: Path
    figures: dict[str, dict[str, float]]
    differing: dict[str, dict[str, Any]]

    def to_json(self) -> dict[str, Json]:
        finite = {
            run: {name: value if math.isfinite(value) else None for name, value in found.items()}
            for run, found in self.figures.items()
        }
        return super().to_json() | {"figures": finite}

    def summary(self) -> str:
        names = list(self.figures)
        first = _first_figures(list(self.figures.values()))
        parts = [figures_text(list(self.figures.items()), first)]
        parts += [_differing_text(names, self.differing)] if self.differing else []
        return "\n\n".join([*parts, printable(str(self.page))])


def compare(
    runs: Sequence[str | Path], out: str | Path, *, overwrite: bool = False
) -> CompareResult:
    """Write a page that shows runs side by side: figures, options that differ, curves, samples.

    A folder of runs, such as that of a sweep, stands for the runs in it.

    Raises:
        UserError: if there are fewer than two runs, or `out` exists, unless `overwrite`.
    """
    found = [find_run(run) for run in with_runs_inside(runs)]
    return write_comparison(found, path_of(out), overwrite=overwrite)


def write_comparison(runs: Sequence[Run], out: Path, *, overwrite: bool = False) -> CompareResult:
    """Write an HTML comparison of runs; returns their figures and the options that differ.

    Raises:
        UserError: if there are fewer than two runs, `out` is no page or a run's report, or it
            exists and is not to be overwritten.
    """
    if len(runs) < 2:
        raise UserError(TOO_FEW)
    if out.suffix != ".html":
        raise UserError(f"{out}: a comparison is an .html page.")
    refuse_replacing([out], [run.report for run in runs])
    if out.exists() and not overwrite:
        raise UserError(f"{out} exists: name another page by --out, or add --overwrite.")
    named = _named(runs)
    figures = {name: figures_of(run) for name, run in named.items()}
    first = _first_figures(list(figures.values()))
    options = differing_options(list(named.values()))
    differing = {o: dict(zip(named, values, strict=True)) for o, values in options.items()}
    results = results_table([(name, {}, one) for name, one in figures.items()], first=first)
    title, about = " · ".join(map(text, named)), f"{len(named)} runs side by side"
    if len(named) > MOST_NAMES:
        title, about = f"{len(named)} runs", title
    body = f"""<h1>{title}</h1>
<p class="about">{about}</p>
<h2>Results</h2>{results}
<h2>Differing options</h2>{_differing_table(list(named), differing)}
{curves_and_sheets(named, {name: name for name in named})}"""
    write_atomic(out, page("comparison · reverie", body))
    return CompareResult(out, figures, differing)


def _named(runs: Sequence[Run]) -> dict[str, Run]:
    """Each run once, by the name of its folder, or by its path where two are called the same."""
    once = {run.folder.resolve(): run for run in runs}
    names = [folder.name for folder in once]
    if len(set(names)) < len(names):
        names = [str(run.folder) for run in once.values()]
    return dict(zip(names, once.values(), strict=True))


def differing_options(runs: Sequence[Run]) -> dict[str, list[Any]]:
    """Options that differ between runs, with each run's value; those that all have come first."""
    recipes = [run.described_recipe() for run in runs]
    flat = [{"method": recipe.method} | recipe.flat() for recipe in recipes]
    names = dict.fromkeys(name for options in flat for name in options)
    rows = {name: [options.get(name, "–") for options in flat] for name in names}
    differing = {k: v for k, v in rows.items() if any(value != v[0] for value in v)}
    common = set(names).intersection(*flat)
    return {name: differing[name] for name in sorted(differing, key=lambda one: one not in common)}


def _first_figures(runs: Sequence[Mapping[str, float]]) -> list[str]:
    """The figures that say most: the distances of best and last validation, time and size."""
    found = []
    for kind in ("best ", "final "):
        found += [next((n for n in figures if n.startswith(kind)), None) for figures in runs]
    return [*dict.fromkeys(name for name in found if name is not None), "minutes", "parameters"]


def _differing_table(names: Sequence[str], differing: Mapping[str, Mapping[str, Any]]) -> str:
    """A row for each option, or for each run where those are more."""
    if not differing:
        return "<p>none</p>"
    if len(names) > max(MOST_COLUMNS, len(differing)):
        return results_table(
            [(n, {o: values[n] for o, values in differing.items()}, {}) for n in names],
            named=True,
        )
    upright = "" if len(names) <= MOST_COLUMNS else ' class="upright"'
    head = "".join(f"<th><span>{text(name)}</span></th>" for name in names)
    rows = "".join(
        f"<tr><td>{text(option)}</td>"
        + "".join(f"<td>{text(shown_option(values[name]))}</td>" for name in names)
        + "</tr>"
        for option, values in differing.items()
    )
    table = f"<table{upright}><tr><th></th>{head}</tr>{rows}</table>"
    return f'<div class="scroll options">{table}</div>'


def _differing_text(names: Sequence[str], differing: Mapping[str, Mapping[str, Any]]) -> str:
    """A row for each option, or for each run where those do not fit beside each other."""

    def cell(value: object) -> str:
        return shortened(printable(shown_option(value)), LONGEST_VALUE)

    def column(head: str, values: Sequence[object]) -> Column:
        return Column([cell(head)], [cell(value) for value in values])

    options = list(differing)[:MOST_LINES]
    by_run = [column(name, [differing[o][name] for o in options]) for name in names]
    if len(fitting(options, by_run)) == len(names):
        shown, table = len(options), columns_text(options, by_run)
    else:
        found = fitting(names, [column(o, list(differing[o].values())) for o in differing])
        shown, table = len(found), columns_text(names, found)
    left = len(differing) - shown
    return table + (f"\nand {left} more options that differ, on the page" if left else "")


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
