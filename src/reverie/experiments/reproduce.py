"""Run an experiment: fetch its data, train, draw."""

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from reverie.core import progress
from reverie.core.errors import UserError
from reverie.core.files import read_json, write_atomic
from reverie.core.interval import Interval
from reverie.core.lock import FolderLock
from reverie.core.options import OptionValue, accepts_fields
from reverie.core.result import Json, Result, counted
from reverie.experiments import EXPERIMENTS
from reverie.experiments.experiment import Experiment, Training
from reverie.inference.options import ReproduceOptions

SCALED_INTERVALS = ("log_every", "sample_every")
"""Intervals in steps, which the budget multiplies: as many sheets for any budget."""


@dataclass(frozen=True)
class ReproduceResult(Result):
    """The page of an experiment, its pictures and its tables by caption, row and column."""

    page: Path
    pictures: tuple[Path, ...]
    tables: dict[str, dict[str, Mapping[str, Json]]]

    def summary(self) -> str:
        pictures, tables = len(self.pictures), len(self.tables)
        return f"{counted(pictures, 'picture')} and {counted(tables, 'table')}: {self.page}"


@accepts_fields(ReproduceOptions)
def reproduce(name: str, *, options: ReproduceOptions | None = None) -> ReproduceResult:
    """Make a figure from nothing: fetch the data, train, draw, measure.

    A run that was stopped goes on where it was; what is finished is not trained again.

    Args:
        name: a name in `EXPERIMENTS`.
        options: see `ReproduceOptions`; its fields may be given as keyword arguments.

    Raises:
        UserError: if there is no such experiment, the folder holds another one, or a dataset
            cannot be fetched.
        KeyboardInterrupt: if a signal stopped a training; it has saved where it was.
    """
    from reverie.core.files import refuse_no_folder
    from reverie.experiments.findings import Findings

    experiment, o = EXPERIMENTS.find(name), options or ReproduceOptions()
    folder = Path("reproduced", name) if o.out is None else o.out
    refuse_no_folder(folder)
    with FolderLock(folder, f"reproduce {name}"):
        _claim(folder, {"experiment": name, "budget": o.budget, "seed": o.seed})
        for dataset in experiment.data:
            _fetch(dataset)
        findings = Findings(name, experiment, folder, o.budget)
        for training, words in _with_time_left(experiment, o.budget):
            progress.say(f"{name}: {words}")
            _train(experiment.trainings[training], training, folder / "runs", o)
        left = progress.readable_duration(60 * experiment.minutes)
        progress.say(f"{name}: pictures and figures, about {left}")
        experiment.draw(findings)
        page = findings.write(_command(name, o))
    return ReproduceResult(page, findings.pictures, findings.tables)


def scaled(training: Training, budget: float, seed: int) -> dict[str, OptionValue]:
    """The options of a training that differ from its preset's, for a budget."""
    from reverie.methods.presets import recipe_for
    from reverie.methods.recipe import LENGTHS

    recipe = recipe_for(training.method, training.preset).with_options(**training.options)
    changed: dict[str, OptionValue] = {}
    for name in LENGTHS:
        length = getattr(recipe.training, name)
        if length is not None:
            scale = float(length) * budget
            changed[name] = max(1, round(scale)) if name == "steps" else scale
    for name in SCALED_INTERVALS:
        every = Interval.of(getattr(recipe.training, name))
        changed[name] = every.times(min(budget, 1.0)).option
    return dict(training.options) | changed | {"seed": seed}


def _train(training: Training, name: str, runs: Path, o: ReproduceOptions) -> None:
    """Train, go on, or leave what is finished.

    Raises:
        KeyboardInterrupt: if a signal stopped the training.
    """
    from reverie.runs.run import Run
    from reverie.training.train import train

    run = Run(runs / name)
    if run.holds_training():
        result = train(training.method, run.folder, resume=True, changes={})
    elif run.exists():  # it was killed before its first checkpoint
        result = train(training.method, run.folder, restart=True, changes={})
    else:
        options = scaled(training, o.budget, o.seed)
        if training.init is not None:
            options["init"] = str(runs / training.init)
        if training.data is not None:
            options["data"] = str(training.data(runs.parent))
        result = train(training.method, run.folder, preset=training.preset, changes=options)
    if not result.finished:
        raise KeyboardInterrupt("stopped; the same command goes on from here.")


def _with_time_left(experiment: Experiment, budget: float) -> Iterator[tuple[str, str]]:
    """Each training's name, and words that say which it is and how much time is left.

    The first estimate is that of two processor cores; the later ones are scaled by the time that
    the trainings before took here.
    """
    clock, total = progress.Clock(), experiment.all_minutes
    expected = 0.0
    for number, (name, training) in enumerate(experiment.trainings.items(), 1):
        ratio = clock.seconds / 60 / (expected * budget) if expected and clock.seconds > 30 else 1.0
        left = ((total - experiment.minutes - expected) * budget + experiment.minutes) * ratio
        where = f"training {number} of {len(experiment.trainings)}, {name}"
        yield name, f"{where}; about {progress.readable_duration(60 * left)} left in all"
        expected += training.minutes


def _claim(folder: Path, content: dict[str, Json]) -> None:
    """Write what the folder is for, or check that it is for this.

    Raises:
        UserError: if it is for something else.
    """
    file = folder / "experiment.json"
    if not file.exists():
        write_atomic(file, json.dumps(content) + "\n")
        return
    there = read_json(file)
    if there != content:
        words = ", ".join(f"{key} {value}" for key, value in there.items())
        raise UserError(f"{folder} holds {words}: choose another --out, or remove it.")


def _fetch(name: str) -> None:
    from reverie.data.fetch import fetch
    from reverie.data.source import set_folder

    if not set_folder(name).exists():
        progress.say(f"fetching {name}")
        fetch(name)


def _command(name: str, o: ReproduceOptions) -> str:
    words = ["reverie", "reproduce", name]
    words += [] if o.budget == 1.0 else ["--budget", f"{o.budget:g}"]
    words += [] if o.seed == 0 else ["--seed", str(o.seed)]
    return shlex.join(words)
