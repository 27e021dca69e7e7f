"""The curves of one run for its report: a panel for each quantity, with what its curves say."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import get_args

from reverie.core.html import text
from reverie.core.result import counted
from reverie.training.curves import COLOURS, NARROW, Curves, Scale, panels_of, svg_of
from reverie.training.diagnostics import MIN_STEPS
from reverie.training.notes import MIN_POINTS, Verdict, sentence_of, verdict_of

SIGNS = {"good": "✓", "watch": "!", "bad": "✗"}
"""Marks of verdicts, so that colour is not all that tells them apart."""


def panels_html(run: Curves, own: Mapping[str, str]) -> str:
    """Panels of a run's curves, with a switch of the scale.

    Args:
        run: the curves.
        own: the method's sentences about its losses, by name.
    """
    if not run.points:
        return "<p>nothing was logged yet</p>"
    panels = panels_of(run.points, single=True, other=run.other)
    switch = '<button data-switch="logarithmic">linear / logarithmic</button> '
    switch += "thick: smoothed, thin: as logged; the linear scale may leave out the first steps"
    figures = "".join(_panel(run, names, own) for names in panels.values())
    return f'<div class="curves"><p>{switch}</p><div class="panels">{figures}</div></div>'


def verdicts_html(runs: Sequence[Curves]) -> str:
    """What of several sets of curves is not as it should be, and how much is."""
    found = {name: verdict_of(name, run.points) for run in runs for name in run.points}
    judged = {name: verdict for name, verdict in found.items() if verdict is not None}
    odd = {name: verdict for name, verdict in judged.items() if verdict.mark != "good"}
    if not judged and any(run.points for run in runs):
        return (
            f"<h2>In short</h2><p>Too early to judge: that takes {MIN_STEPS} steps and "
            f"{MIN_POINTS} lines of the log.</p>"
        )
    if not judged:
        return ""
    good = len(judged) - len(odd)
    lines = [f"<p><b>{text(name)}</b>{_mark(verdict)}</p>" for name, verdict in odd.items()]
    if good:
        lines.append(f'<p class="good">✓ {counted(good, "curve")} as expected</p>')
    return f"<h2>In short</h2>{''.join(lines)}"


def _panel(run: Curves, names: Sequence[str], own: Mapping[str, str]) -> str:
    part = replace(run, points={name: run.points[name] for name in names})
    drawn = "".join(
        f'<div class="{scale}">{svg_of([part], "steps", scale, NARROW)}</div>'
        for scale in get_args(Scale)
    )
    lines = "".join(_line(run, number, name, own) for number, name in enumerate(names))
    return f"<figure>{drawn}<figcaption>{lines}</figcaption></figure>"


def _line(run: Curves, number: int, name: str, own: Mapping[str, str]) -> str:
    """A curve's colour, name, sentence and verdict."""
    colour = COLOURS[number % len(COLOURS)]
    verdict = verdict_of(name, run.points)
    return (
        f'<p><span class="swatch" style="background:{colour}"></span> <b>{text(name)}</b> '
        f"{text(sentence_of(name, own, run.other))}{_mark(verdict)}</p>"
    )


def _mark(verdict: Verdict | None) -> str:
    if verdict is None:
        return ""
    sign = f"{SIGNS[verdict.mark]} {verdict.text}"
    return f' <span class="mark {verdict.mark}">{text(sign)}</span>'
