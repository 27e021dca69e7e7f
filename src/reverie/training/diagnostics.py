"""Diagnostics of adversarial trainings: what the log says goes wrong, and what to try.

Functions of the log's lines alone, so that a run that was resumed is warned of the same things at
the same steps. Thresholds and what they were measured on: docs/diagnostics.md.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise, takewhile
from typing import Any

from reverie.methods import MethodOptions

Line = Mapping[str, Any]
"""A line of the log."""

MIN_STEPS, MIN_LINES = 500, 5
"""A diagnosis is about so many steps and lines of the log, whichever is more."""
SURE = 0.95
"""The discriminator has won: D(x) is above it, and D(G(z)) below 1 - it."""
UNSURE = 0.003
"""The generator has won: D(x) exceeds D(G(z)) by less."""
LINES_OF_SWINGS, SWING = 10, 0.6
"""Oscillation: over so many lines, the loss changes by this fraction of its mean a line. The first
`MIN_STEPS` steps do not count, in which all losses change."""
STEPS_OF_A_LOSS = 50
"""Steps of the means that oscillation is measured on, as in the default `--log-every`."""
CHECKS, FEW_MODES, SMALL_SPREAD, SMALL_SPACING, RISING = 3, 0.3, 0.25, 0.01, 1.1
"""Mode collapse: a figure is below its bound so many times, and does not rise by a tenth. Checks
before `MIN_STEPS` do not count: all generators begin with samples that are alike."""
MANY_COPIES = 0.25


@dataclass(frozen=True)
class Remedy:
    """An option that helps, and how to say so where it is off (0, no or empty) and where it is on.

    None where it would not help.
    """

    option: str
    off: str | None
    on: str | None


LEARNING_RATE = Remedy("learning_rate", None, "a smaller --learning-rate")
PENALTY = Remedy("r1", "--r1 1", "a larger --r1")
REMEDIES: Mapping[str, tuple[Remedy, ...]] = {
    "discriminator won": (
        PENALTY,
        Remedy("augment", "--augment colour translation", None),
        Remedy("spectral_norm", "--spectral-norm", None),
        Remedy("discriminator_width", None, "a smaller --discriminator-width"),
        LEARNING_RATE,
    ),
    "generator won": (
        Remedy("r1", None, "a smaller --r1"),
        Remedy("spectral_norm", None, "no --spectral-norm"),
        Remedy("generator_every", None, "a larger --generator-every"),
        Remedy("discriminator_width", None, "a larger --discriminator-width"),
        LEARNING_RATE,
    ),
    "oscillation": (LEARNING_RATE, PENALTY, Remedy("beta1", None, "--beta1 0")),
    "collapse": (
        LEARNING_RATE,
        Remedy("r2", "--loss relativistic --r1 0.1 --r2 0.1", "a larger --r1 and --r2"),
        Remedy("cycle_weight", None, "a larger --cycle-weight"),
    ),
    "copies": (
        Remedy("augment", "--augment colour translation cutout", None),
        Remedy("learning_rate", None, "more images, fewer steps"),
    ),
}
"""What to try, in this order, by kind of trouble: those whose option the method has."""


def diagnose(log: Sequence[Line], options: MethodOptions) -> list[str]:
    """Warnings at the end of a log, each `what (figures): meaning, and what to try`.

    Args:
        log: all lines so far.
        options: the method's, for remedies that it has.
    """
    if not log or log[-1]["step"] < MIN_STEPS:
        return []
    found = [*_balance(log), *_oscillation(log), *_collapse(log), *_copies(log)]
    return [f"{text}: {_remedy(kind, options)}" for kind, text in found]


def kind_of(warning: str) -> str:
    """What a warning is about: those of one kind are printed once."""
    return warning.split("(")[0]


def _balance(log: Sequence[Line]) -> Iterator[tuple[str, str]]:
    """Whether a discriminator or its generator has won, by the mean probabilities."""
    recent = _recent(log, MIN_LINES)
    for phase, which in _discriminators(log[-1]):
        real, fake = (
            _mean(line["losses"].get(f"{phase}/probability_{kind}{which}", 0.5) for line in recent)
            for kind in ("real", "fake")
        )
        name = f"discriminator{which.replace('_', ' ').upper()}"
        means = f"mean D(x) {real:.3f}, mean D(G(z)) {fake:.3f}"
        if real > SURE and fake < 1 - SURE:
            yield (
                "discriminator won",
                f"the {name} has won ({means}), which leaves the generator little gradient",
            )
        elif real - fake < UNSURE:
            yield (
                "generator won",
                f"the generator has won against the {name} ({means}), which no longer tells real "
                "from generated images",
            )


def _oscillation(log: Sequence[Line]) -> Iterator[tuple[str, str]]:
    """Whether the loss of a phase with a discriminator jumps from line to line."""
    for phase in dict.fromkeys(phase for phase, _ in _discriminators(log[-1])):
        losses = _evenly(log, phase)
        changes = [abs(b - a) for a, b in pairwise(losses)]
        swing = _mean(changes) / max(_mean(map(abs, losses)), 1e-9) if changes else 0.0
        if len(losses) >= LINES_OF_SWINGS and swing > SWING:
            yield (
                "oscillation",
                f"the loss of the {phase} oscillates (it changes by {swing:.0%} from line to line "
                "of the log)",
            )


def _evenly(log: Sequence[Line], phase: str) -> list[float]:
    """The last `LINES_OF_SWINGS` losses after step `MIN_STEPS`, each of `STEPS_OF_A_LOSS` or more.

    Lines of fewer steps, such as slow trainings have, are averaged: their means are noisier.
    """
    losses: list[float] = []
    total, covered = 0.0, 0
    firsts = [0, *(line["step"] for line in log[:-1])]
    for line, first in zip(reversed(log), reversed(firsts), strict=True):
        if line["step"] <= MIN_STEPS or len(losses) == LINES_OF_SWINGS:
            break
        steps = max(line["step"] - first, 1)
        total, covered = total + steps * line["losses"].get(phase, 0.0), covered + steps
        if covered >= STEPS_OF_A_LOSS:
            losses.append(total / covered)
            total, covered = 0.0, 0
    return losses[::-1]


def _collapse(log: Sequence[Line]) -> Iterator[tuple[str, str]]:
    """Whether samples or translations stay less diverse than the training images."""
    bounds = {"modes": FEW_MODES, "spread": SMALL_SPREAD, "spacing": SMALL_SPACING}
    words = {
        "modes": "fall into {:.0%} as many clusters as training images do",
        "spread": "differ by {:.0%} of what training images differ by",
        "spacing": "are {:.1%} as far from their duplicates as training images from each other",
    }
    later = takewhile(lambda line: line["step"] >= MIN_STEPS, reversed(log))
    checks = [*islice((x["diversity"] for x in later if x.get("diversity")), CHECKS)]
    for name in checks[0] if len(checks) == CHECKS and log[-1].get("diversity") else ():
        group, _, figure = name.partition("/")
        measure, _, direction = figure.partition("_")
        values = [check.get(name, 1.0) for check in checks]
        if max(values) < bounds.get(measure, 0.0) and values[0] <= RISING * values[-1]:
            what = f"{group} {direction}".strip()
            yield "collapse", f"mode collapse (the {what} {words[measure].format(values[0])})"
            return


def _copies(log: Sequence[Line]) -> Iterator[tuple[str, str]]:
    """Whether samples are training images."""
    share = log[-1].get("diversity", {}).get("samples/copies", 0.0)
    if share > MANY_COPIES:
        yield "copies", f"memorised training images ({share:.0%} of the samples are copies of one)"


def _mean(values: Iterable[float]) -> float:
    """Mean; NaN for infinities of both signs, and no error, as `fmean` has it."""
    numbers = [*values]
    return sum(numbers) / len(numbers)


def _recent(log: Sequence[Line], lines: int) -> Sequence[Line]:
    """The last `lines` lines, and all others of the last `MIN_STEPS` steps."""
    within = takewhile(lambda line: line["step"] > log[-1]["step"] - MIN_STEPS, reversed(log))
    return log[-max(lines, sum(1 for _ in within)) :]


def _discriminators(line: Line) -> list[tuple[str, str]]:
    """Phase and suffix of each discriminator whose probabilities are logged."""
    names = [name.partition("/probability_real") for name in line["losses"]]
    return [(phase, suffix) for phase, found, suffix in names if found]


def _remedy(kind: str, options: MethodOptions) -> str:
    """What to try, of what the method has."""
    known = [one for one in REMEDIES[kind] if hasattr(options, one.option)]
    tries = [one.on if getattr(options, one.option) else one.off for one in known]
    return f"try {' or '.join(text for text in tries if text)}."
