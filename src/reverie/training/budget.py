"""How long a training is, and what of it a run has behind it; without PyTorch."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reverie.core.errors import UserError
from reverie.methods.recipe import DEFAULT_STEPS, Recipe, TrainOptions
from reverie.runs.run import Run

if TYPE_CHECKING:
    from reverie.runs.checkpoint import Checkpoint, CheckpointHeader
    from reverie.training.state import Counters


@dataclass(frozen=True)
class Budget:
    """Length of a training, in steps or in seconds."""

    steps: int | None
    seconds: float | None

    @staticmethod
    def of(options: TrainOptions, image_count: int, processes: int) -> "Budget":
        """Budget from `steps`, `epochs` or `minutes`.

        Raises:
            UserError: if more than one of them is given.
        """
        if options.minutes is not None:
            return Budget(None, options.minutes * 60)
        if options.epochs is not None:
            a_step = options.batch_size * options.accumulate * processes
            return Budget(math.ceil(options.epochs * image_count / a_step), None)
        return Budget(DEFAULT_STEPS if options.steps is None else options.steps, None)

    def fraction(self, counters: "Counters | CheckpointHeader") -> float:
        """Fraction of the training that is done, from 0 to 1."""
        done = counters.step / max(self.steps, 1) if self.steps is not None else 0.0
        if self.seconds is not None:
            done = counters.seconds / max(self.seconds, 1e-9)
        return min(done, 1.0) if self.steps != 0 else 1.0


def refuse_shorter(
    options: TrainOptions,
    before: TrainOptions,
    image_count: int,
    processes: int,
    checkpoint: "Checkpoint | CheckpointHeader",
) -> None:
    """Raise a UserError if a run would be resumed to end before its checkpoint.

    Training ends with the step in which its minutes are over, a little after them, so that those
    of the run itself are never too few.

    Args:
        options: with which it is to go on.
        before: with which it was trained until now.
        image_count: images of the dataset.
        processes: that train together.
        checkpoint: the newest one.
    """
    budget = Budget.of(options, image_count, processes)
    if budget.steps is not None and budget.steps < checkpoint.step:
        raise UserError(
            f"this run has already {checkpoint.step:,} steps, and a length of {budget.steps:,} was "
            "asked for: give a longer one, or leave it out."
        )
    trained = float(checkpoint.facts["seconds"])
    if (
        budget.seconds is not None
        and options.minutes != before.minutes
        and budget.seconds < trained
    ):
        raise UserError(
            f"this run has been trained for {trained / 60:.4g} minutes already, and a length of "
            f"{budget.seconds / 60:.4g} was asked for: give a longer one, or leave it out."
        )


def complete_at(run: Run, recipe: Recipe) -> "CheckpointHeader | None":
    """The end of a run that is to go on and has nothing left to train, if its files are all there.

    Raises:
        UserError: if it would have to end before its newest checkpoint.
    """
    header = run.newest_header()
    if header is None:
        return None
    before, count = run.described_recipe().training, run.facts()["picture_count"]
    processes = header.processes
    refuse_shorter(recipe.training, before, count, processes, header)
    done = Budget.of(recipe.training, count, processes).fraction(header)
    return header if done >= 1 and run.report.is_file() and run.model.is_dir() else None
