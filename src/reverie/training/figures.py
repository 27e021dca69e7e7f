"""What a run has come to, as numbers; and mean and spread of several runs."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reverie.core.options import options_from_json
from reverie.data.image_spec import ImageSpec
from reverie.methods import METHODS
from reverie.runs.run import Run, best_of
from reverie.training.curves import Curves, points_of
from reverie.training.quantities import VALUE


@dataclass(frozen=True)
class Spread:
    """Mean and sample standard deviation of a number over runs; the latter is None for one run."""

    mean: float
    deviation: float | None
    runs: int


def figures_of(run: Run) -> dict[str, float]:
    """The figures of a run by name: validation, losses, length and size.

    `best X` and `final X` are figures of the best and of the last validation, `loss X` the mean of
    a phase's loss over the last tenth of the log, `minutes` the training time, and `parameters`
    those of all networks that are trained or needed for it.
    """
    log, evaluations = run.read_log(), run.read_evaluations()
    figures: dict[str, float] = {}
    if evaluations:
        best, last = best_of(evaluations)["figures"], evaluations[-1]["figures"]
        figures |= {f"best {name}": value for name, value in best.items()}
        figures |= {f"final {name}": value for name, value in last.items()}
    for name, points in points_of(log[-max(1, len(log) // 10) :], "losses").items():
        if "/" not in name:
            figures[f"loss {name}"] = statistics.fmean(value for _, value in points)
    if log:
        figures["steps"] = log[-1]["step"]
        figures["epochs"] = log[-1]["images_seen"] / max(run.facts()["picture_count"], 1)
        figures["minutes"] = log[-1]["seconds"] / 60
    return figures | {"parameters": parameter_count(run)}


def parameter_count(run: Run) -> int:
    """The number of parameters of all networks of a run."""
    facts = run.facts()
    if facts.get("parameters") is not None:
        return facts["parameters"]
    from reverie.core.state_dict import without_memory  # a run of an older version does not say it

    recipe, spec = run.recipe(), options_from_json(ImageSpec, facts["pictures"])
    method = without_memory(lambda: METHODS.find(recipe.method)(recipe.options, spec))
    return sum(parameter.numel() for parameter in method.parameters())


def spread_of(runs: Sequence[Mapping[str, float]]) -> dict[str, Spread]:
    """Mean and spread of each figure over the runs that have a finite one."""
    names = dict.fromkeys(name for figures in runs for name in figures)
    found = {
        name: [f[name] for f in runs if name in f and math.isfinite(f[name])] for name in names
    }
    return {
        name: Spread(
            statistics.fmean(values),
            statistics.stdev(values) if len(values) > 1 else None,
            len(values),
        )
        for name, values in found.items()
        if values
    }


def loss_curves(run: Run, label: str) -> Curves:
    """What a run has logged while it trained."""
    log = run.read_log()
    return Curves(label, points_of(log, "losses"), steps_per_epoch(run, log))


def diversity_curves(run: Run, label: str) -> Curves:
    """The diversity of samples, where it was compared with that of the training images."""
    log = run.read_log()
    compared = [line for line in log if line.get("diversity")]
    return Curves(label, points_of(compared, "diversity"), steps_per_epoch(run, log))


def number_curves(run: Run, label: str) -> Curves:
    """What callbacks have logged."""
    log = run.read_log()
    points = points_of((line for line in log if line.get("numbers")), "numbers")
    return Curves(label, points, steps_per_epoch(run, log), VALUE)


def validation_curves(run: Run, label: str) -> Curves:
    """The figures of a run's validations."""
    points = points_of(run.read_evaluations(), "figures")
    return Curves(label, points, steps_per_epoch(run, run.read_log()))


def steps_per_epoch(run: Run, log: Sequence[Mapping[str, Any]]) -> float:
    """Steps in one pass over the dataset, by the log of a run; 1 before anything is logged."""
    if not log or not log[-1]["images_seen"]:
        return 1.0
    return run.facts()["picture_count"] * log[-1]["step"] / log[-1]["images_seen"]
