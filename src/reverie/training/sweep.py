"""Sweeps: every combination of the values of some options is trained, each as a run of its own.

`sweep.json` says what the sweep is, and how far each run came. It is written before the first
training, so that the same command goes on where it was killed.
"""

import contextlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reverie.core import progress
from reverie.core.errors import UserError
from reverie.core.interrupt import StopSignal
from reverie.core.lock import FolderLock
from reverie.core.marks import is_marked
from reverie.core.options import OptionValue
from reverie.core.result import counted
from reverie.methods import METHODS
from reverie.methods.presets import recipe_for
from reverie.methods.recipe import Recipe
from reverie.runs.model_place import plugin_of
from reverie.runs.run import Run
from reverie.training.budget import Budget
from reverie.training.child import Child, Ending
from reverie.training.combinations import (
    Axes,
    Combination,
    combine,
    plain_options,
    refuse_axes_given,
)
from reverie.training.resume import refuse_inside_data
from reverie.training.state import Counters
from reverie.training.sweep_page import PAGE, write_page, write_record
from reverie.training.sweep_record import definition_of, record_in
from reverie.training.sweep_result import SweepResult, SweepRun, settings_of
from reverie.training.train import check_recipes

SECONDS_BETWEEN_LOOKS = 0.2
SECONDS_BETWEEN_READINGS = 2.0


def sweep(
    method: str,
    axes: Axes,
    out: Path,
    *,
    preset: str | None = None,
    jobs: int = 1,
    changes: Mapping[str, OptionValue],
) -> SweepResult:
    """Train every combination of the values in `axes`, or go on where this was stopped.

    Args:
        method: a name in `METHODS`.
        axes: the values of each option that differs between the runs.
        out: the folder of the runs, `sweep.html` and `sweep.json`.
        preset: a named set of options to start from.
        jobs: trainings at a time.
        changes: options of all runs, by their plain names.

    Raises:
        UserError: if something that was asked for cannot be done, before anything is trained.
    """
    refuse_axes_given(axes, changes)
    base = recipe_for(method, preset).with_options(**changes)
    combinations = combine(base, axes)
    if jobs < 1:
        raise UserError(f"--jobs must be at least 1, not {jobs}.")
    if METHODS.package_of(method) is not None and plugin_of(method).get("package") == "__main__":
        raise UserError(
            f"{method} is a class of a script or notebook, and a sweep trains in processes of "
            "their own, which cannot import it: put it into a module."
        )
    for one in combinations:
        refuse_inside_data(out / one.name, one.recipe)
    check_recipes(one.recipe for one in combinations)
    with FolderLock(out, "sweep"):
        started = Sweep.begin(base, axes, combinations, out)
        started.train(jobs)
        return started.write()


@dataclass
class Sweep:
    """A sweep in a folder.

    Args:
        folder: where it is.
        definition: what `sweep.json` says of it: method, options of all runs, axes.
        combinations: by name.
        endings: how the runs ended, by name; those that have not been trained are absent.
    """

    folder: Path
    definition: dict[str, Any]
    combinations: dict[str, Combination]
    endings: dict[str, Ending]

    @staticmethod
    def begin(
        base: Recipe, axes: Axes, combinations: Sequence[Combination], folder: Path
    ) -> "Sweep":
        """The sweep in a folder, new or with what is done already.

        Raises:
            UserError: if the folder holds another sweep, or something that would be replaced.
        """
        definition = definition_of(base, axes, combinations)
        before = record_in(folder, definition)
        done: dict[str, Ending] = {}
        if before is None:
            _refuse_others_files(folder)
        else:
            done = {
                run["name"]: Ending(finished=True)
                for run in before["runs"]
                if run["state"] == "finished" and Run(folder / run["name"]).model.exists()
            }
        known = before["sweep"]["names"] if before else []
        for one in combinations:
            if one.name not in known and Run(folder / one.name).exists():
                raise UserError(
                    f"{folder / one.name} holds a run that is not of this sweep: choose another "
                    "--out, or move it away."
                )
        started = Sweep(folder, definition, {one.name: one for one in combinations}, done)
        write_record(folder, definition, started.result())
        return started

    def result(self) -> SweepResult:
        """What the sweep has come to; the runs are in the order of the combinations."""
        runs = [
            SweepRun.of(Run(self.folder / name), one, self.endings.get(name))
            for name, one in self.combinations.items()
        ]
        return SweepResult(self.folder, self.folder / PAGE, runs, settings_of(runs))

    def write(self) -> SweepResult:
        """Write record and page, and return what is in them."""
        result = self.result()
        write_record(self.folder, self.definition, result)
        write_page(self.definition, result)
        return result

    def train(self, jobs: int) -> None:
        """Train what is not finished, `jobs` at a time, until all is done or a signal arrives."""
        waiting = [one for name, one in self.combinations.items() if name not in self.endings]
        count = len(self.combinations)
        if len(waiting) < count:
            progress.say(f"finished already: {count - len(waiting)} of {counted(count, 'run')}")
        threads = max(1, _cores() // jobs) if jobs > 1 else None
        running: dict[str, Child] = {}
        meter, told = _Meter(self, count), False
        with (
            StopSignal("finishing the present step of each run and saving") as stop_requested,
            _killed_at_the_end(running),
            progress.Bar("sweep", float(count)) as bar,
        ):
            while running or (waiting and not stop_requested()):
                if stop_requested() and not told:
                    told = True
                    for child in running.values():
                        child.stop()
                ended = [name for name, child in running.items() if not child.runs]
                for name in ended:
                    self._end(name, running.pop(name))
                while waiting and len(running) < jobs and not stop_requested():
                    one = waiting.pop(0)
                    progress.say(f"run {count - len(waiting)} of {count}: {one.name}")
                    options, folder = plain_options(one.recipe), self.folder / one.name
                    running[one.name] = Child(one.recipe.method, folder, options, threads)
                if ended:
                    self.write()  # takes seconds, in which the next ones train
                bar.update(*meter.read(running))
                time.sleep(SECONDS_BETWEEN_LOOKS)

    def _end(self, name: str, child: Child) -> None:
        """Keep how a run ended, and say it where it failed."""
        self.endings[name] = ending = child.ending(name)
        if ending.error is not None:
            progress.warn(f"{name} failed: {ending.error}")


class _Meter:
    """How much of a sweep is done, read from the logs of its runs."""

    def __init__(self, sweep: Sweep, count: int) -> None:
        self._sweep = sweep
        self._count = count
        self._read_at = -SECONDS_BETWEEN_READINGS
        self._last = (0.0, "")

    def read(self, running: Mapping[str, Child]) -> tuple[float, str]:
        """Runs that are done, with fractions of those that are not, and both in words."""
        now = time.monotonic()
        if now - self._read_at < SECONDS_BETWEEN_READINGS:
            return self._last
        self._read_at = now
        ended = len(self._sweep.endings)
        shares = {name: self._fraction(name) for name in running}
        words = "  ".join(f"{name} {share:.0%}" for name, share in shares.items())
        self._last = ended + sum(shares.values()), f"{ended} of {self._count} done  {words}"
        return self._last

    def _fraction(self, name: str) -> float:
        """How much of a run is done."""
        run = Run(self._sweep.folder / name)
        log = run.read_log() if run.exists() else []
        if not log:
            return 0.0
        training = self._sweep.combinations[name].recipe.training
        budget = Budget.of(training, run.facts()["picture_count"], 1)
        return budget.fraction(Counters(log[-1]["step"], log[-1]["seconds"]))


@contextlib.contextmanager
def _killed_at_the_end(running: Mapping[str, Child]) -> Iterator[None]:
    """Context in which children run; where an error or a second Ctrl-C ends it, so do they."""
    try:
        yield
    finally:
        for child in running.values():
            child.kill()


def _cores() -> int:
    """The processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _refuse_others_files(folder: Path) -> None:
    """Raise a UserError if a new sweep would be written into a run, or over a page of somebody."""
    if Run(folder).exists() or Run(folder).holds_training():
        raise UserError(f"{folder} holds a run, not a sweep: choose another --out.")
    page = folder / PAGE
    if os.path.lexists(page) and not is_marked(page):
        raise UserError(f"{page} was not made by reverie: choose another --out, or move it away.")
