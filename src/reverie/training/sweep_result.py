"""What a sweep has come to: its runs with their figures, and mean and spread over seeds."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from reverie.core.options import OptionValue
from reverie.core.progress import printable
from reverie.core.result import FAILED_IN_PART, INTERRUPTED, Json, Result, counted
from reverie.runs.run import Run
from reverie.training.child import Ending
from reverie.training.combinations import SEED, Combination, setting_of
from reverie.training.figures import Spread, figures_of, spread_of
from reverie.training.tables import figures_text

State = Literal["finished", "stopped", "failed", "waiting"]


@dataclass(frozen=True)
class SweepRun(Result):
    """A run of a sweep.

    Args:
        name: of its folder within the sweep's.
        folder: where it is.
        state: how far it came; `waiting` has not been trained.
        error: why it failed.
        options: those that the sweep goes through.
        figures: what it has come to, by name; see `reverie.training.figures.figures_of`.
    """

    name: str
    folder: Path
    state: State
    error: str | None
    options: dict[str, OptionValue]
    figures: dict[str, float]

    @staticmethod
    def of(run: Run, combination: Combination, ending: Ending | None) -> "SweepRun":
        """A run with its figures, as far as it came."""
        state: State = "waiting"
        if ending is not None:
            state = (
                "finished" if ending.finished else "stopped" if ending.error is None else "failed"
            )
        error = None if ending is None else ending.error
        figures = figures_of(run) if run.exists() else {}
        return SweepRun(combination.name, run.folder, state, error, combination.values, figures)

    @property
    def label(self) -> str:
        """Its setting, where the sweep goes through seeds; else its name."""
        return setting_of(self.options) if SEED in self.options else self.name

    def to_json(self) -> dict[str, Json]:
        figures = {k: v if math.isfinite(v) else None for k, v in self.figures.items()}
        return super().to_json() | {"figures": figures}

    def summary(self) -> str:
        return self.name


@dataclass(frozen=True)
class Setting:
    """Mean and spread of the figures of the finished runs that differ in the seed alone."""

    name: str
    options: dict[str, OptionValue]
    figures: dict[str, Spread]


def settings_of(runs: Sequence[SweepRun]) -> list[Setting]:
    """The settings of a sweep over seeds, in order; none where it does not go through seeds."""
    labels = dict.fromkeys(run.label for run in runs if SEED in run.options)
    settings = []
    for label in labels:
        alike = [run for run in runs if run.label == label]
        options = {name: value for name, value in alike[0].options.items() if name != SEED}
        finished = [run.figures for run in alike if run.state == "finished"]
        settings.append(Setting(label, options, spread_of(finished)))
    return settings


@dataclass(frozen=True)
class SweepResult(Result):
    """A sweep: its page, its runs, and its settings with mean and spread over seeds."""

    folder: Path
    page: Path
    runs: list[SweepRun]
    settings: list[Setting]

    @property
    def failed(self) -> list[SweepRun]:
        """The runs that failed, each with its error."""
        return [run for run in self.runs if run.state == "failed"]

    @property
    def unfinished(self) -> list[SweepRun]:
        """The runs that were stopped, or not begun."""
        return [run for run in self.runs if run.state in ("stopped", "waiting")]

    @property
    def exit_code(self) -> int:
        return INTERRUPTED if self.unfinished else FAILED_IN_PART if self.failed else 0

    def summary(self) -> str:
        rows: list[tuple[str, Mapping[str, float | Spread]]]
        rows = [(one.name, one.figures) for one in self.settings]
        rows = rows or [(run.name, run.figures) for run in self.runs]
        lines = [figures_text(rows)]
        lines += [printable(f"{run.name} failed: {run.error}") for run in self.failed]
        if self.unfinished:
            lines.append(
                f"not finished: {len(self.unfinished)} of {counted(len(self.runs), 'run')}; "
                "the same command goes on."
            )
        return "\n".join([*lines, str(self.page)])
