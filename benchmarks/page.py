"""The page of `run.py`: plots and tables of its JSON, in one HTML file without others beside it.

    python benchmarks/page.py RESULTS.json PAGE.html [--svg FOLDER]

`--svg` also writes each plot as a file of its own, for the documentation.
"""

import argparse
import hashlib
import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from reverie.core.files import write_atomic
from reverie.core.html import page, text

Row = dict[str, Any]

TITLES = {
    "train": "Training steps",
    "upscale": "Upscaling",
    "evaluation": "Evaluation",
    "decode": "Decoding photographs",
    "start": "Opening a folder",
    "folder": "Translating a folder",
    "faults": "Page faults",
    "growth": "Growth",
    "threads": "Two processes against two threads",
}
"""Heading of each part."""

QUANTITIES: tuple[tuple[str, str, float], ...] = (
    ("times_as_fast", "times as fast as {base}", 1.0),
    ("share_of_peak", "share of the convolution peak, %", 100.0),
    ("peak_memory_MB", "peak memory, MB", 1.0),
)
"""Figures of the plots, their axis, and a factor."""

OURS = {
    "ours": "#2563eb",
    "ours, fp32": "#38bdf8",
    "ours, checkpointing": "#9333ea",
    "kept": "#2563eb",
}
"""Colours of our forms; the others have those of `OTHERS` in turn."""
OTHERS = ("#94a3b8", "#f59e0b", "#16a34a", "#dc2626", "#a16207", "#475569")
MARKERS = "sD^vPX"
IN_TABLES_ALONE = ("textbook, not folded",)
"""Forms of another scale, which would leave no room for the others in a plot."""
ROW_HEIGHT, SPREAD = 0.62, 0.32
"""Of a case in inches, and how far its forms stand from its middle, so that none hides another."""
ALONG_TIME, ALONG_MEMORY = "processor_seconds", "peak_memory_MB"
STYLE = """<style>
.scroll { overflow-x: auto; }
.figures { width: auto; font-size: .85rem; margin: .6rem 0 1.6rem; }
.figures td, .figures th { text-align: right; padding: .15rem .8rem .15rem 0; white-space: nowrap; }
.figures td:first-child, .figures th:first-child { text-align: left; opacity: 1; }
.figures caption { text-align: left; font-weight: 600; padding: .3rem 0; }
.plot svg { width: 100%; height: auto; background: #fff; border-radius: .6rem; }
</style>"""


def svg_of(figure: Figure, salt: str) -> str:
    """A figure as SVG, whose text remains text; `salt` keeps IDs of a page apart."""
    buffer = io.StringIO()
    digest = hashlib.sha256(salt.encode()).hexdigest()[:12]
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": digest}):
        figure.savefig(buffer, format="svg")
    said = re.sub(r"<metadata>.*?</metadata>", "", buffer.getvalue(), flags=re.DOTALL)
    return said[said.index("<svg") :].strip()


def dots(rows: Sequence[Row]) -> Figure:
    """Comparisons: a line of dots for each case, a panel for each figure that was measured."""
    rows = [
        row | {"forms": {n: f for n, f in row["forms"].items() if n not in IN_TABLES_ALONE}}
        for row in rows
    ]
    shown = [
        quantity
        for quantity in QUANTITIES
        if any(quantity[0] in form for row in rows for form in row["forms"].values())
    ]
    names = list(dict.fromkeys(name for row in rows for name in row["forms"]))
    legend = 0.24 * -(-len(names) // 4) + 0.15
    height = 0.7 + ROW_HEIGHT * len(rows) + legend
    figure = Figure(figsize=(11, height), layout="constrained")
    panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    for axis, (key, label, factor) in zip(panels, shown, strict=True):
        for name in names:
            points = [
                (row["forms"][name][key] * factor, place + _offset(list(row["forms"]), name))
                for place, row in enumerate(rows)
                if key in row["forms"].get(name, {})
            ]
            if points:
                x, y = zip(*points, strict=True)
                axis.scatter(x, y, zorder=2, label=name, **_mark(name, names))
        for place in range(1, len(rows)):
            axis.axhline(place - 0.5, color="#e2e8f0", linewidth=0.8, zorder=0)
        bases = {row["base"] for row in rows}
        base = bases.pop() if len(bases) == 1 else "the first form"
        _dress(axis, label.format(base=base), [row["case"] for row in rows])
        if key == "times_as_fast":
            axis.axvline(1, color="#475569", linewidth=0.8, linestyle="dashed", zorder=0)
            _logarithmic(axis, [p for r in rows for p in (f[key] for f in r["forms"].values())])
        else:
            axis.set_xlim(0, 1.06 * axis.dataLim.xmax)
    handles = {}
    for axis in panels:
        handles |= dict(zip(*reversed(axis.get_legend_handles_labels()), strict=True))
    figure.legend(
        [handles[name] for name in names if name in handles],
        [name for name in names if name in handles],
        loc="outside upper left", ncols=4, fontsize=9, frameon=False,
    )  # fmt: skip
    return figure


def _offset(names: list[str], name: str) -> float:
    """The place of a form within its case, from -SPREAD to SPREAD."""
    return SPREAD * (2 * names.index(name) / (len(names) - 1) - 1) if len(names) > 1 else 0.0


def _style(name: str, names: Sequence[str]) -> dict[str, str]:
    """Colour and marker of a form: ours are round."""
    if name in OURS:
        return {"color": OURS[name], "marker": "o"}
    number = [other for other in names if other not in OURS].index(name)
    return {"color": OTHERS[number % len(OTHERS)], "marker": MARKERS[number % len(MARKERS)]}


def _mark(name: str, names: Sequence[str]) -> dict[str, Any]:
    size = 44 if name in OURS else 26
    return {**_style(name, names), "s": size, "linewidths": 0.6, "edgecolors": "white"}


def _dress(axis: Axes, label: str, cases: list[str]) -> None:
    axis.set_xlabel(label, fontsize=9)
    axis.set_yticks(range(len(cases)), cases, fontsize=9)
    axis.set_ylim(len(cases) - 0.5, -0.5)
    axis.tick_params(axis="x", labelsize=8)
    axis.tick_params(axis="y", length=0)
    axis.grid(axis="x", alpha=0.25)
    axis.spines[["top", "right", "left"]].set_visible(False)


def _logarithmic(axis: Axes, values: list[float]) -> None:
    """Ratios are drawn by their logarithm where they differ much."""
    axis.margins(x=0.08)
    if max(values) / min(values) > 4:
        axis.set_xscale("log", base=2)
        axis.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
        axis.xaxis.set_minor_formatter(NullFormatter())


def curves(row: Row) -> Figure:
    """Growth: processor time and peak memory along one quantity."""
    shown = [
        (key, label)
        for key, label in (
            (ALONG_TIME, "processor time, s"),
            (ALONG_MEMORY, "peak memory, MB"),
        )
        if any(key in point for points in row["series"].values() for point in points)
    ]
    figure = Figure(figsize=(11, 3.3), layout="constrained")
    for axis, (key, label) in zip(
        figure.subplots(1, len(shown), squeeze=False)[0], shown, strict=True
    ):
        for name, points in row["series"].items():
            values = [point.get(key) for point in points]
            x = [value for value, y in zip(row["values"], values, strict=False) if y is not None]
            axis.plot(
                x,
                [y for y in values if y is not None],
                label=name,
                markersize=5,
                **_style(name, list(row["series"])),
            )
        axis.set_xscale("log", base=2 if max(row["values"]) < 1000 else 10)
        axis.set_xticks(row["values"], [f"{value:,}" for value in row["values"]], fontsize=8)
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.set_xlabel(row["along"], fontsize=9)
        axis.set_ylabel(label, fontsize=9)
        axis.set_ylim(0, 1.06 * axis.dataLim.ymax)
        axis.tick_params(axis="y", labelsize=8)
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
    figure.axes[0].legend(fontsize=9, frameon=False)
    return figure


def plots(rows: Sequence[Row]) -> Iterator[tuple[str, str, Figure, list[Row]]]:
    """The part, a name for files, the figure, and the rows that it shows."""
    parts = list(dict.fromkeys(row["part"] for row in rows))
    for part in parts:
        compared = [r for r in rows if r["part"] == part and r["kind"] == "comparison"]
        if compared:
            yield part, part, dots(compared), compared
        for row in rows:
            if row["part"] == part and row["kind"] == "curve":
                name = re.sub(r"\W+", "-", f"{part}-{row['case']}-{row['along']}").lower()
                yield part, name, curves(row), [row]


def _seconds(value: float) -> str:
    shown, unit = (1000 * value, "ms") if value < 1 else (value, "s")
    return f"{shown:#.3g}".rstrip(".") + f" {unit}"


COLUMNS: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
    ("times_as_fast", "times as fast", "{:.2f}".format),
    ("processor_seconds", "processor time", _seconds),
    ("seconds", "by the clock", _seconds),
    ("parameters", "parameters", lambda n: f"{n / 1e6:.2f} M"),
    ("gflop", "GFLOP", "{:,.1f}".format),
    ("arithmetic", "arithmetic", str),
    ("share_of_peak", "of the peak", "{:.0%}".format),
    ("peak_memory_MB", "peak memory", "{:,.0f} MB".format),
    ("share_of_the_network", "in the network", "{:.0%}".format),
    ("images_per_processor_second", "images a processor second", "{:,.0f}".format),
    ("mean_difference_from_full", "mean difference, levels of 255", "{:.2f}".format),
    ("thousand_faults", "thousand page faults", "{:,.1f}".format),
    ("system_seconds", "in the system", _seconds),
)


def table_of(row: Row) -> str:
    """All figures of a comparison."""
    forms = row["forms"]
    shown = [c for c in COLUMNS if any(c[0] in form for form in forms.values())]
    head = "".join(f"<th>{label}</th>" for _, label, _ in shown)
    body = "".join(
        f"<tr><td>{text(name)}</td>"
        + "".join(f"<td>{said(form[key]) if key in form else ''}</td>" for key, _, said in shown)
        + "</tr>"
        for name, form in forms.items()
    )
    caption = f"<caption>{text(row['case'])}</caption>"
    table = f'<table class="figures">{caption}<tr><th></th>{head}</tr>{body}</table>'
    return f'<div class="scroll">{table}</div>'


def growth_table(row: Row) -> str:
    """All points of a curve."""
    head = "".join(f"<th>{value:,}</th>" for value in row["values"])
    body = ""
    for name, points in row["series"].items():
        for key, said in ((ALONG_TIME, _seconds), (ALONG_MEMORY, "{:,.0f} MB".format)):
            if any(key in point for point in points):
                cells = (f"<td>{said(p[key]) if key in p else ''}</td>" for p in points)
                body += f"<tr><td>{text(name)}</td>{''.join(cells)}</tr>"
    caption = f"<caption>{text(row['case'])}: {text(row['along'])}</caption>"
    table = f'<table class="figures">{caption}<tr><th></th>{head}</tr>{body}</table>'
    return f'<div class="scroll">{table}</div>'


def _tile(label: str, value: object) -> str:
    return f'<div class="tile"><b>{text(value)}</b><span>{text(label)}</span></div>'


def machine_html(machine: Row) -> str:
    """What the figures were measured on."""
    peaks = machine["convolution_peak_GFLOPs_per_core"]
    tiles = {
        "processor": machine["processor"],
        "cores used": f"{machine['cores_used']} of {machine['cores']}",
        "threads of PyTorch": machine["threads"],
        "native bfloat16": "yes" if machine["bf16_is_native"] else "no",
        "GFLOP/s a core, fp32 convolution": peaks["fp32"],
        "GFLOP/s a core, bf16 convolution": peaks["bf16"],
        "memory": f"{machine['memory_GB']} GB",
        "caches": ", ".join(f"{k} {v}" for k, v in machine["caches"].items()) or "unknown",
    }
    versions = ", ".join(f"{k} {v}" for k, v in machine["versions"].items())
    rest = (
        f"{machine['architecture']}, {machine['vector_instructions']}, {machine['system']}, "
        f"{versions}, commit {machine['commit']}; load average at the start "
        f"{machine['load_average']}"
    )
    drawn = "".join(_tile(k, v) for k, v in tiles.items())
    return f'<div class="tiles">{drawn}</div><p class="about">{text(rest)}</p>'


def render(results: Row) -> str:
    """The page of what `run.py` found."""
    body, before = [], None
    for part, name, figure, rows in plots(results["rows"]):
        if part != before:
            body.append(f"<h2>{text(TITLES.get(part, part))}</h2>")
            about = results.get("about", {}).get(part)
            body.append(f'<p class="about">{text(about)}</p>' if about else "")
        if rows[0]["kind"] == "curve":
            body.append(f"<h3>{text(rows[0]['case'])}</h3>")
        body.append(f'<figure class="plot">{svg_of(figure, name)}</figure>')
        tables = "".join(growth_table(r) if r["kind"] == "curve" else table_of(r) for r in rows)
        opened = "" if rows[0]["kind"] == "curve" else " open"
        body.append(f"<details{opened}><summary>all figures</summary>{tables}</details>")
        before = part
    for part, why in results.get("skipped", {}).items():
        body.append(f"<h2>{text(TITLES.get(part, part))}</h2><p>not measured: {text(why)}</p>")
    head = (
        f"{STYLE}<h1>Benchmarks</h1>"
        '<p class="about">Forms of the same work take turns in one run. Ratios are medians of '
        "processor time; the share of the peak is GFLOP per second of processor time over what "
        "convolutions reach in the same arithmetic; peak memory is that of a process of its own, "
        "with its imports.</p>"
    )
    return page("Benchmarks", head + machine_html(results["machine"]) + "".join(body))


def write_page(results: Row, path: Path, svg: Path | None = None) -> None:
    """Write the page, and its plots into the folder `svg`."""
    write_atomic(path, render(results))
    if svg:
        svg.mkdir(parents=True, exist_ok=True)
        for _, name, figure, _ in plots(results["rows"]):
            write_atomic(svg / f"{name}.svg", svg_of(figure, name) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("page", type=Path)
    parser.add_argument("--svg", type=Path, default=None, help="folder for the plots alone")
    arguments = parser.parse_args()
    write_page(json.loads(arguments.results.read_text()), arguments.page, arguments.svg)


if __name__ == "__main__":
    main()
