"""Tables of runs, their options and figures: for pages, and for a terminal."""

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reverie.core.html import text
from reverie.core.progress import printable
from reverie.core.text_table import GAP, WIDTH, aligned, shortened
from reverie.training.curves import COLOURS
from reverie.training.figures import Spread

Options = Mapping[str, Any]

LONGEST_NAME = 36
"""Columns of a terminal that the name of a row takes at most."""


def results_table(
    rows: Sequence[tuple[str, Options, Mapping[str, float | Spread]]],
    colours: Mapping[str, int] | None = None,
    *,
    named: bool = False,
    first: Sequence[str] = (),
) -> str:
    """A table that a click on a heading sorts: a row for each run or setting.

    Args:
        rows: name, options and figures of each; options stand for the name where there are some.
        colours: which of the curves' colours is that of a name; by default its place.
        named: show names beside options.
        first: the figures that come first.
    """
    options = list(dict.fromkeys(option for _, values, _ in rows for option in values))
    figures = figure_names([found for _, _, found in rows], first)
    titles = ("", *options, *(figure.replace("[", " [") for figure in figures))
    head = "".join(f"<th>{text(title)}</th>" for title in titles)
    body = ""
    for number, (name, values, found) in enumerate(rows):
        colour = COLOURS[(number if colours is None else colours[name]) % len(COLOURS)]
        shown = f'<span class="swatch" style="background:{colour}" title="{text(name)}"></span>'
        shown += "" if values and not named else f" {text(name)}"
        body += f'<tr><td data-value="{text(name)}">{shown}</td>'
        body += "".join(_option_cell(values.get(option)) for option in options)
        body += "".join(_figure_cell(found.get(figure)) for figure in figures) + "</tr>"
    return (
        f'<div class="scroll"><table class="sortable"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _option_cell(value: object) -> str:
    shown = text(shown_option(value))
    return f'<td data-value="{"" if value is None else shown}">{shown}</td>'


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


def shown_option(value: object) -> str:
    """The value of an option for people: those of a list with `+` between them, `–` for none."""
    if isinstance(value, list | tuple):
        return "+".join(map(str, value)) or "–"
    return "–" if value is None else str(value)


def figure_names(runs: Sequence[Mapping[str, object]], first: Sequence[str]) -> list[str]:
    """The figures that any run has; those called `first`, as far as there are any, come first."""
    found = dict.fromkeys(name for figures in runs for name in figures)
    return [*(name for name in first if name in found), *(n for n in found if n not in first)]


def figures_text(
    rows: Sequence[tuple[str, Mapping[str, float | Spread]]], first: Sequence[str] = ()
) -> str:
    """Figures as a table of at most `WIDTH` columns; those that do not fit are left out.

    So are figures that are the same in all rows, and those of the last validations, unless they are
    `first`.

    Args:
        rows: a name, and figures by name.
        first: names of figures.
    """
    names, columns = [name for name, _ in rows], []
    for figure in figure_names([figures for _, figures in rows], first):
        cells = [shown_figure(figures.get(figure)) for _, figures in rows]
        same = len(set(cells)) == 1 and len(rows) > 1
        if figure in first or not (figure.startswith("final ") or same):
            head = printable(figure).replace("[", " [").replace("_", "_ ").split()
            columns.append(Column(head, cells))
    return columns_text(names, fitting(names, columns))


@dataclass(frozen=True)
class Column:
    """A column of a table in a terminal: the lines of its heading, and its cells."""

    head: Sequence[str]
    cells: Sequence[str]

    @property
    def width(self) -> int:
        return max(map(len, [*self.head, *self.cells]))


def fitting(names: Sequence[str], columns: Sequence[Column]) -> list[Column]:
    """The columns that fit into `WIDTH` beside the names of the rows; narrow ones go on."""
    width, found = _name_width(names), []
    for column in columns:
        if width + GAP + column.width <= WIDTH:
            width += GAP + column.width
            found.append(column)
    return found


def columns_text(names: Sequence[str], columns: Sequence[Column]) -> str:
    """A table with a row for each name; all columns but the names end below each other."""
    first = [shortened(printable(name), _name_width(names)) for name in names]
    depth = max((len(column.head) for column in columns), default=0)
    whole = [[""] * depth + first]
    whole += [[""] * (depth - len(c.head)) + [*c.head, *c.cells] for c in columns]
    return aligned(list(zip(*whole, strict=True)), right=range(1, len(whole)))


def _name_width(names: Sequence[str]) -> int:
    return min(max(map(len, names), default=0), LONGEST_NAME)
