"""Preview sheets of one run or several, side by side, with a slider over steps."""

import base64
import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from reverie.runs.run import Run

MAX_STEPS = 40
"""Steps of a slider; of more sheets, as many are shown at even distances."""

MAX_BYTES = 16_000_000
"""Bytes of the sheets of one kind in a page."""


def films(runs: Mapping[str, Run]) -> str:
    """For each kind of sheet, those of all runs at equal steps, as they move with one slider."""
    kinds = dict.fromkeys(kind for run in runs.values() for kind in run.sheet_kinds())
    return "".join(
        _film(kind, {name: run.sheets(kind) for name, run in runs.items()}) for kind in kinds
    )


def chosen_steps(sheets: Sequence[Mapping[int, Path]]) -> list[int]:
    """The steps that a slider goes through, the first and the last of all runs among them."""
    steps = sorted({step for found in sheets for step in found})
    at_once = sum(list(found.values())[-1].stat().st_size for found in sheets if found)
    most = int(np.clip(MAX_BYTES // max(at_once, 1), 2, MAX_STEPS))
    return [steps[i] for i in np.unique(np.linspace(0, len(steps) - 1, most).round().astype(int))]


def _film(kind: str, sheets: Mapping[str, Mapping[int, Path]]) -> str:
    steps = chosen_steps(list(sheets.values()))
    single = len(sheets) == 1  # whose name is that of the page
    figures = "".join(
        _figure("" if single else name, found, steps) for name, found in sheets.items()
    )
    name = html.escape(kind)
    few = " few" if single else ""
    return (
        f'<div class="films{few}"><h2>{name.capitalize()}</h2>'
        f'<script type="application/json">{json.dumps(steps)}</script>'
        f'<label><input type="range" min="0" max="{len(steps) - 1}" value="{len(steps) - 1}" '
        f'aria-label="step of the {name}"><output></output></label>'
        f'<div class="strip">{figures}</div></div>'
    )


def _figure(name: str, found: Mapping[int, Path], steps: Sequence[int]) -> str:
    """The sheets of one run: at each step of the slider the newest that it has by then."""
    newest = (max((one for one in found if one <= step), default=None) for step in steps)
    shown = sorted({step for step in newest if step is not None})
    data = [(step, base64.b64encode(found[step].read_bytes()).decode()) for step in shown]
    label = html.escape(name)
    return (
        f'<figure><script type="application/json">{json.dumps(data)}</script>'
        f'<img alt="samples of {label}"><figcaption><b>{label}</b> <span>none yet</span>'
        "</figcaption></figure>"
    )
