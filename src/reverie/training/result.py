"""The result of a training."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reverie.core import progress
from reverie.core.result import INTERRUPTED, Json, Result, counted
from reverie.methods.recipe import DEFAULT_STEPS, LENGTHS
from reverie.runs.run import Run, best_of

if TYPE_CHECKING:
    from reverie.inference.model import Model
    from reverie.runs.checkpoint import Checkpoint
    from reverie.training.state import Counters


@dataclass(frozen=True)
class TrainResult(Result):
    """A run: its folder, how far it came, whether that is all the way, and from which step on it
    was trained now."""

    folder: Path
    steps: int
    seconds: float
    finished: bool
    report: Path
    resumed_at: int = 0

    @staticmethod
    def of(run: Run, counters: "Counters", resumed: "Checkpoint | None") -> "TrainResult":
        """The result of a training that came so far, and perhaps went on from a checkpoint."""
        began = 0 if resumed is None else resumed.step
        done = counters.step, counters.seconds, counters.finished
        return TrainResult(run.folder, *done, run.report, began)

    def load(self) -> "Model":
        """The trained model."""
        from reverie.inference.load import load

        return load(self.folder)

    def to_json(self) -> dict[str, Json]:
        return {
            "run": str(self.folder),
            "steps": self.steps,
            "seconds": round(self.seconds, 1),
            "finished": self.finished,
            "report": str(self.report),
        }

    @property
    def exit_code(self) -> int:
        return 0 if self.finished else INTERRUPTED

    def summary(self) -> str:
        run = Run(self.folder)
        pace = f"{counted(self.steps, 'step')} in {progress.readable_seconds(self.seconds)}"
        if not self.finished:
            return f"stopped after {pace}; resume with: {self._command()}"
        if self.steps == self.resumed_at > 0:
            more = self._command(*_more_than(run))
            return f"{run.folder} is complete, {pace}: nothing was left to train; {more} trains on"
        text = f"{pace}: {self.report}"
        evaluations = run.read_evaluations()
        if run.best.exists() and evaluations:
            text += f"\nthe last model is in {run.model}, the best in {run.best}: "
            text += f"step {best_of(evaluations)['step']:,}"
        return text

    def _command(self, *more: str) -> str:
        """The command that resumes the run."""
        out = ["--out", str(self.folder)]
        if out[1].startswith("-"):
            out = ["=".join(out)]
        return shlex.join(["reverie", "train", *out, "--resume", *more])


def _more_than(run: Run) -> list[str]:
    """The flag that lets a run that is complete go on, to twice its length."""
    options = run.described_recipe().training
    length = next((n for n in LENGTHS if getattr(options, n) is not None), "steps")
    given = getattr(options, length)
    return [f"--{length}", f"{2 * (DEFAULT_STEPS if given is None else given):g}"]
