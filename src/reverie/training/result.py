"""The result of a training."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from reverie.core import progress
from reverie.core.result import INTERRUPTED, Json, Result, counted
from reverie.inference.load import load
from reverie.inference.model import Model
from reverie.runs.run import Run, best_of


@dataclass(frozen=True)
class TrainResult(Result):
    """A run: its folder, how far it came, and whether that is all the way."""

    folder: Path
    steps: int
    seconds: float
    finished: bool
    report: Path

    def load(self) -> Model:
        """The trained model."""
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
            method = run.recipe().method
            out = ["--out", str(run.folder)]
            if out[1].startswith("-"):
                out = ["=".join(out)]
            command = shlex.join(["reverie", "train", method, *out, "--resume"])
            return f"stopped after {pace}; resume with: {command}"
        text = f"{pace}: {self.report}"
        evaluations = run.read_evaluations()
        if run.best.exists() and evaluations:
            text += f"\nthe last model is in {run.model}, the best in {run.best}: "
            text += f"step {best_of(evaluations)['step']:,}"
        return text
