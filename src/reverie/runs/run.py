"""Run folder: options, log, samples, checkpoints and the trained model.

Files are written atomically. A checkpoint is a safetensors file with a SHA-256 file, so that a
damaged one is detected and the previous one is used.
"""

import dataclasses
import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save

from reverie.core import progress
from reverie.core.errors import UserError
from reverie.core.files import read_json, remove_partial_files, write_atomic
from reverie.data import ImageDataset
from reverie.methods.presets import recipe_from_json
from reverie.methods.recipe import Recipe
from reverie.runs.checkpoint import Checkpoint, _read_checkpoint
from reverie.runs.environment import commit, machine, versions
from reverie.runs.model_folder import plugin_of


@dataclass(frozen=True)
class Run:
    """Folder of one training run."""

    folder: Path

    @property
    def options_file(self) -> Path:
        return self.folder / "options.json"

    @property
    def log_file(self) -> Path:
        return self.folder / "log.jsonl"

    @property
    def samples(self) -> Path:
        return self.folder / "samples"

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def model(self) -> Path:
        return self.folder / "model"

    @property
    def best(self) -> Path:
        """Model with the lowest validation distance, if validation is enabled."""
        return self.folder / "best"

    @property
    def evaluations_file(self) -> Path:
        return self.folder / "evaluations.jsonl"

    @property
    def report(self) -> Path:
        return self.folder / "report.html"

    def exists(self) -> bool:
        """Whether the folder holds a run."""
        return self.options_file.exists()

    def begin(self, recipe: Recipe, images: ImageDataset) -> None:
        """Write `options.json`: everything needed to reproduce the run."""
        content = (
            recipe.to_json()
            | plugin_of(recipe.method)
            | {
                "pictures": dataclasses.asdict(images.spec),
                "picture_count": len(images),
                "data_fingerprint": images.fingerprint,
                "versions": versions(),
                "commit": commit(),
                "machine": machine(),
                "began": time.strftime("%Y-%m-%d %H:%M:%S"),
            }
        )
        write_atomic(self.options_file, json.dumps(content, indent=2) + "\n")

    def facts(self) -> dict[str, Any]:
        """Content of `options.json`."""
        return read_json(self.options_file)

    def recipe(self) -> Recipe:
        """Recipe of the run.

        Raises:
            UserError: if `options.json` is damaged.
        """
        try:
            return recipe_from_json(self.facts())
        except (KeyError, TypeError) as error:
            raise UserError(
                f"{self.options_file}: an entry is missing or unknown ({error})."
            ) from None

    def log(self, line: dict[str, Any]) -> None:
        """Append one line to the log."""
        _add_line(self.log_file, line)

    def log_evaluation(self, line: dict[str, Any]) -> None:
        """Append one validation result: its step and metrics, the Fréchet distance first."""
        _add_line(self.evaluations_file, line)

    def read_log(self) -> list[dict[str, Any]]:
        """Lines of the log; an incomplete line of a killed process is skipped."""
        return list(_lines_of(self.log_file))

    def read_evaluations(self) -> list[dict[str, Any]]:
        """Validation results, in order of steps."""
        return list(_lines_of(self.evaluations_file))

    def cut_log(self, step: int) -> None:
        """Truncate the log and the validation results after `step`, for resuming from there."""
        for file in (self.log_file, self.evaluations_file):
            if file.exists():
                kept = [line for line in _lines_of(file) if line["step"] <= step]
                write_atomic(file, "".join(json.dumps(line) + "\n" for line in kept))

    def sheet_kinds(self) -> list[str]:
        """The kinds of sheets that there are, `samples` first."""
        found = {p.stem[12:] or "samples" for p in self.samples.glob("step-??????*.png")}
        return sorted(found, key=lambda kind: (kind != "samples", kind))

    def sheets(self, kind: str = "samples") -> dict[int, Path]:
        """Preview sheets of one kind by step."""
        marker = "" if kind == "samples" else f"-{kind}"
        found = {}
        for path in self.samples.glob(f"step-??????{marker}.png"):
            found[int(path.name[5:11])] = path
        return dict(sorted(found.items()))

    def sheet(self, step: int, kind: str = "samples") -> Path:
        """Path of the preview sheet of `kind` at `step`."""
        marker = "" if kind == "samples" else f"-{kind}"
        return self.samples / f"step-{step:06d}{marker}.png"

    def save_checkpoint(self, checkpoint: Checkpoint, keep: int) -> None:
        """Write a checkpoint, then delete the oldest beyond `keep`.

        Raises:
            UserError: if it cannot be written; previous checkpoints are unchanged.
        """
        facts = {"step": str(checkpoint.step), "facts": json.dumps(checkpoint.facts)}
        content = save(checkpoint.tensors, metadata=facts)
        path = self.checkpoints / f"step-{checkpoint.step:09d}.safetensors"
        digest = hashlib.sha256(content).hexdigest()
        try:
            write_atomic(path.with_suffix(".sha256"), f"{digest}  {path.name}\n")
            write_atomic(path, content)
        except OSError as error:
            raise UserError(
                f"the checkpoint of step {checkpoint.step} could not be written "
                f"({error.strerror or error}): free disk space and continue with --resume; "
                "the previous checkpoint is unchanged."
            ) from None
        for old in self._checkpoint_files()[keep:]:
            old.unlink(missing_ok=True)
            old.with_suffix(".sha256").unlink(missing_ok=True)
        remove_partial_files(self.checkpoints)

    def newest_checkpoint(self) -> Checkpoint | None:
        """Newest intact checkpoint; damaged ones are skipped with a warning."""
        for path in self._checkpoint_files():
            checkpoint = _read_checkpoint(path)
            if checkpoint is not None:
                return checkpoint
            progress.warn(f"{path.name} is damaged; using the previous checkpoint.")
        return None

    def _checkpoint_files(self) -> list[Path]:
        return sorted(self.checkpoints.glob("step-*.safetensors"), reverse=True)


def _add_line(file: Path, line: dict[str, Any]) -> None:
    with open(file, "a", encoding="utf-8") as stream:
        stream.write(json.dumps(line) + "\n")


def _lines_of(file: Path) -> Iterator[dict[str, Any]]:
    if file.exists():
        for text in file.read_text(encoding="utf-8").splitlines():
            try:
                yield json.loads(text)
            except json.JSONDecodeError:
                continue


def find_run(place: str | Path) -> Run:
    """The run in folder `place`.

    Raises:
        UserError: if there is none.
    """
    run = Run(Path(place).expanduser())
    if run.exists():
        return run
    beside = sorted(p.parent.name for p in run.folder.parent.glob("*/options.json"))
    hint = f" Runs in the same folder: {', '.join(beside[:8])}." if beside else ""
    raise UserError(f"{place}: there is no run in this folder (no options.json).{hint}")


def best_evaluation(run: Run) -> dict[str, Any]:
    """Validation result with the lowest Fréchet distance (its first metric)."""
    return min(run.read_evaluations(), key=lambda line: next(iter(line["figures"].values())))
