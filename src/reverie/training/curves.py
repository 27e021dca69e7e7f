"""Curves of logged numbers as SVG, one axis per quantity.

For a single run, the numbers of one quantity share a panel, and the terms of a loss stand beside
it. For several runs each number has a panel of its own, and each run a colour; runs with the same
label, such as the seeds of one setting, share a colour: they are thin, and their mean is thick.
"""

import hashlib
import io
import math
import re
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from reverie.core.progress import printable
from reverie.training.quantities import FRACTION, LOSS, PROBABILITY, VALUE, Quantity, quantity_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Points = list[tuple[int, float]]
"""Values by step."""

Unit = Literal["steps", "epochs"]
"""What the horizontal axis counts."""

Scale = Literal["linear", "symlog"]
"""Of the vertical axis."""

LARGEST_PLOTTED = 1e30
"""Larger numbers, and those that are not finite, leave a gap in the curves."""

MAX_POINTS = 400
"""Points of a curve; of longer logs, as many are drawn at even distances."""

MIN_SMOOTHED = 20
"""Points from which on the curve of one run is drawn smoothed, over the numbers themselves."""

WIDE, NARROW = 11.0, 5.6
"""Widths of a figure in inches: of two panels side by side, and of one."""

MARGINS = {"left": 0.13, "right": 0.975, "bottom": 0.15, "top": 0.79}
"""Of a panel alone, as fractions of the figure."""

MAX_LABELS = 24
"""Runs of which a legend names each."""

COLOURS = (
    "#2563eb", "#ea580c", "#16a34a", "#9333ea", "#dc2626", "#0891b2",
    "#a16207", "#db2777", "#475569", "#65a30d", "#7dd3fc", "#f59e0b",
)  # fmt: skip

DASHES = ("solid", "dashed", "dotted")
"""Styles of the first twelve runs, of the next twelve, and so on."""

_DRAWING = threading.Lock()
"""Matplotlib's settings and fonts are those of all threads."""


@dataclass(frozen=True)
class Curves:
    """The numbers that one run has logged.

    Args:
        label: what the legend says; runs of one label share a colour.
        points: values by step, by name.
        steps_per_epoch: steps in one pass over the dataset.
        other: the quantity of numbers whose names do not say it.
    """

    label: str
    points: Mapping[str, Points]
    steps_per_epoch: float
    other: Quantity = LOSS


def points_of(lines: Iterable[Mapping[str, Any]], entry: str) -> dict[str, Points]:
    """The numbers under `entry` of lines of a log, by name."""
    points: dict[str, Points] = defaultdict(list)
    for line in lines:
        for name, value in line[entry].items():
            shown = value if abs(value) <= LARGEST_PLOTTED else math.nan
            points[name].append((line["step"], shown))
    return dict(points)


def curves_html(runs: Sequence[Curves], *, epochs: bool = False) -> str:
    """The curves for a page, with a switch of the scale and, with `epochs`, of steps to epochs."""
    if not any(run.points for run in runs):
        return "<p>nothing was logged yet</p>"
    units = get_args(Unit) if epochs else ("steps",)
    switches = '<button data-switch="logarithmic">linear / logarithmic</button>'
    if epochs:
        switches += ' <button data-switch="epochs">steps / epochs</button>'
    drawn = "".join(
        f'<div class="{scale} {unit}">{svg_of(runs, unit, scale)}</div>'
        for unit in units
        for scale in get_args(Scale)
    )
    return f'<div class="curves"><p>{switches}</p>{drawn}</div>'


def panels_of(
    names: Iterable[str], *, single: bool, other: Quantity = LOSS
) -> dict[str, list[str]]:
    """Which numbers share a panel: names by title; numbers of two quantities never do."""
    panels: dict[str, list[str]] = defaultdict(list)
    for name in names:
        phase, _, part = name.partition("/")
        quantity = quantity_of(name, other)
        if not single or quantity == VALUE:
            title = name
        elif quantity == LOSS and part:
            title = f"terms of {phase}"
        else:
            title = quantity.name
        panels[title].append(name)
    return dict(panels)


def svg_of(
    runs: Sequence[Curves], unit: Unit = "steps", scale: Scale = "linear", width: float = WIDE
) -> str:
    """All curves as one SVG, `width` inches wide."""
    from matplotlib import rc_context  # imported here since it takes half a second

    names = list(dict.fromkeys(name for run in runs for name in run.points))
    buffer = io.StringIO()
    # IDs must differ between the SVGs of a page: a clip path in a hidden one would hide the other's
    # curves. Names come from a file, and a $ in them begins no equation.
    salt = hashlib.sha256(repr((names, unit, scale)).encode()).hexdigest()[:12]
    settings: dict[Any, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": salt,
        "text.parse_math": False,
    }
    with _DRAWING, rc_context(settings):
        draw(runs, names, unit, scale, width).savefig(buffer, format="svg")
    text = re.sub(r"<metadata>.*?</metadata>", "", buffer.getvalue(), flags=re.DOTALL)
    return text[text.index("<svg") :].strip()


def png_of(runs: Sequence[Curves], names: Sequence[str], unit: Unit = "steps") -> bytes:
    """The curves of some numbers as a PNG file."""
    buffer = io.BytesIO()
    with _DRAWING:
        draw(runs, names, unit, "linear").savefig(buffer, format="png", dpi=120)
    return buffer.getvalue()


def draw(
    runs: Sequence[Curves], names: Sequence[str], unit: Unit, scale: Scale, width: float = WIDE
) -> "Figure":
    """A figure with a panel for each number, or for each quantity of a single run."""
    from matplotlib.figure import Figure

    single = len(runs) == 1
    panels = panels_of(names, single=single, other=runs[0].other)
    columns = min(2, len(panels))
    rows = math.ceil(len(panels) / columns)
    labels = list(dict.fromkeys(run.label for run in runs))
    legend_rows = 0 if single or len(labels) > MAX_LABELS else math.ceil(len(labels) / 4)
    alone = width == NARROW  # which takes half the time without finding its margins
    layout = None if alone else "constrained"
    figure = Figure(figsize=(width, 3.1 * rows + 0.25 * legend_rows), layout=layout)
    if alone:
        figure.subplots_adjust(**MARGINS)
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axis in axes[len(panels) :]:
        axis.remove()
    for axis, (title, mine) in zip(axes, panels.items(), strict=False):
        if single:
            _draw_numbers(axis, runs[0], mine, unit)
            if scale == "linear":
                _hide_the_beginning(axis, runs[0], mine)
        else:
            _draw_runs(axis, runs, labels, mine[0], unit)
        quantity = quantity_of(mine[0], runs[0].other)
        _dress(axis, title if len(mine) > 1 else mine[0], quantity, unit, scale)
        if single and unit == "steps":
            _add_epochs(axis, runs[0].steps_per_epoch)
        if len(mine) > 1 and axis.get_legend_handles_labels()[1]:
            axis.legend(fontsize=8, frameon=False)
    if legend_rows:
        drawn = {run.label for run in runs if run.points}
        handles = [_handle(n, label) for n, label in enumerate(labels) if label in drawn]
        figure.legend(handles=handles, loc="outside upper left", ncols=4, fontsize=9, frameon=False)
    return figure


def _handle(number: int, label: str) -> Any:
    from matplotlib.lines import Line2D

    return Line2D([], [], label=printable(label), linewidth=2, **_style(number))


def _style(number: int) -> dict[str, Any]:
    """Colour and dashes of the run, or of the number, that is the `number`-th."""
    dashes = DASHES[number // len(COLOURS) % len(DASHES)]
    return {"color": COLOURS[number % len(COLOURS)], "linestyle": dashes}


def _dress(axis: "Axes", title: str, quantity: Quantity, unit: Unit, scale: Scale) -> None:
    """Title, labels, grid and scale of a panel."""
    axis.set_title(printable(title), fontsize=10)
    axis.set_xlabel("epoch" if unit == "epochs" else "step", fontsize=9)
    axis.set_ylabel(quantity.axis, fontsize=9)
    axis.tick_params(labelsize=8)
    axis.grid(alpha=0.25)
    if quantity in (PROBABILITY, FRACTION):
        axis.set_ylim(-0.02, 1.02)
    elif scale == "symlog":
        axis.set_yscale("symlog", linthresh=0.01)
        axis.yaxis.set_major_formatter("{x:g}")  # by default TeX, which is not parsed here


def _hide_the_beginning(axis: "Axes", run: Curves, names: Sequence[str]) -> None:
    """End the axis above what follows the first twentieth, where losses are far larger."""
    later = [
        value
        for name in names
        if len(run.points[name]) >= MIN_SMOOTHED
        for _, value in run.points[name][len(run.points[name]) // 20 + 1 :]
        if math.isfinite(value)
    ]
    if not later:
        return
    lowest, span, top = min(later), max(later) - min(later), axis.get_ylim()[1]
    if 0 < 2 * span < top - lowest:
        axis.set_ylim(lowest - 0.05 * span, lowest + 1.3 * span)


def _add_epochs(axis: "Axes", steps: float) -> None:
    """An axis of epochs above that of steps."""
    there, back = (lambda x: np.asarray(x) / steps), (lambda x: np.asarray(x) * steps)
    above = axis.secondary_xaxis("top", functions=(there, back))
    above.set_xlabel("epoch", fontsize=8)
    above.tick_params(labelsize=7)


def _draw_numbers(axis: "Axes", run: Curves, names: Sequence[str], unit: Unit) -> None:
    """Several numbers of one run."""
    for number, name in enumerate(names):
        points = run.points.get(name, [])
        x, y = _thinned(points, run.steps_per_epoch if unit == "epochs" else 1.0)
        smooth = smoothed(y) if len(y) >= MIN_SMOOTHED else y
        if smooth is not y:
            axis.plot(x, y, linewidth=0.8, alpha=0.35, **_style(number))
        # Matplotlib gives names that begin with _ no place in the legend.
        axis.plot(x, smooth, label=printable(name), linewidth=1.6, **_marker(x), **_style(number))


def _draw_runs(
    axis: "Axes", runs: Sequence[Curves], labels: Sequence[str], name: str, unit: Unit
) -> None:
    """One number of several runs."""
    for number, label in enumerate(labels):
        alike = [run for run in runs if run.label == label and name in run.points]
        several = sum(run.label == label for run in runs) > 1
        alpha = 0.4 if several else 1.0
        for run in alike:
            x, y = _thinned(run.points[name], run.steps_per_epoch if unit == "epochs" else 1.0)
            width = 0.8 if several else 1.5
            axis.plot(x, y, linewidth=width, alpha=alpha, **_marker(x), **_style(number))
        if several and alike:
            mean = mean_points([run.points[name] for run in alike])
            x, y = _thinned(mean, alike[0].steps_per_epoch if unit == "epochs" else 1.0)
            axis.plot(x, y, linewidth=2.0, **_style(number))


def smoothed(values: Sequence[float]) -> list[float]:
    """The mean of each value with its neighbours, a 25th of all on both sides together.

    Values that are not finite are gaps, which stay.
    """
    numbers = np.array(values, dtype=float)
    finite = np.isfinite(numbers)
    ones = np.ones(2 * (len(numbers) // 50) + 3)
    sums = np.convolve(np.where(finite, numbers, 0.0), ones, mode="same")
    counts = np.convolve(finite.astype(float), ones, mode="same")
    return np.where(finite, sums / np.maximum(counts, 1), np.nan).tolist()


def mean_points(runs: Sequence[Points]) -> Points:
    """The mean over runs, at the steps that all of them have."""
    values: dict[int, list[float]] = defaultdict(list)
    for points in runs:
        for step, value in dict(points).items():
            values[step].append(value)
    return [
        (step, sum(found) / len(found))
        for step, found in sorted(values.items())
        if len(found) == len(runs)
    ]


def _marker(x: Sequence[float]) -> dict[str, Any]:
    """A single point has no line, and needs a mark."""
    return {"marker": "o", "markersize": 3} if len(x) == 1 else {}


def _thinned(points: Points, steps: float) -> tuple[list[float], list[float]]:
    """At most `MAX_POINTS` of the points, the first and the last among them, as x and y."""
    if not points:
        return [], []
    chosen = np.unique(np.linspace(0, len(points) - 1, MAX_POINTS).round().astype(int))
    return [points[i][0] / steps for i in chosen], [points[i][1] for i in chosen]
