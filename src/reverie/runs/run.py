"""Run folder: options, log, samples, checkpoints and the trained model.

Files are written atomically. A checkpoint is a safetensors file with a SHA-256 file, so that a
damaged one is detected and the previous one is used.
"""

import dataclasses
import hashlib
import json
import re
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reverie.core import progress
from reverie.core.errors import UserError, in_file
from reverie.core.files import (
    append_line,
    read_json,
    remove_partial_files,
    write_atomic,
)
from reverie.core.lock import FolderLock
from reverie.core.marks import is_marked
from reverie.core.options import InvalidValue, NonNegativeInt, coerce, options_from_json
from reverie.core.result import Json
from reverie.data.image_spec import ImageSpec
from reverie.methods.index import options_kind
from reverie.methods.presets import installed_method, recipe_from_json, refuse_absent_method
from reverie.methods.recipe import Recipe
from reverie.runs.checkpoint import Checkpoint, CheckpointHeader, read_checkpoint, read_header
from reverie.runs.environment import commit, machine, versions
from reverie.runs.log import EVALUATION_LINE, LOG_LINE, SHEET_NAME, best_of, read_lines
from reverie.runs.model_place import plugin_of, remove_model
from reverie.runs.place import OPTIONS_FILE, RESTORE
from reverie.runs.summary import run_folder

if TYPE_CHECKING:
    from reverie.data import ImageDataset

FACTS: Mapping[str, Any] = {
    "method": str,
    "options": dict[str, Any],
    "data": dict[str, Any],
    "training": dict[str, Any],
    "pictures": dict[str, Any],
    "picture_count": NonNegativeInt,
    "data_fingerprint": str,
    "versions": dict[str, str],
    "machine": dict[str, str | int | None],
    "commit": str | None,
    "parameters": int | None,
    "began": str,
}
"""Entries of `options.json`; it may have others."""

CHECKPOINT_NAME = re.compile(r"step-[0-9]{9,15}\.safetensors")


@dataclass(frozen=True)
class Run:
    """Folder of one training run."""

    folder: Path

    @property
    def options_file(self) -> Path:
        return self.folder / OPTIONS_FILE

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

    def lock(self) -> FolderLock:
        """A lock for the one process that may write in the folder."""
        return FolderLock(self.folder, "training")

    def holds_training(self) -> bool:
        """Whether something that was trained is in the folder: a checkpoint or a model."""
        return bool(self._checkpoint_files()) or self.model.exists()

    def begin(
        self,
        recipe: Recipe,
        images: "ImageDataset",
        init: str | None = None,
        chosen: Mapping[str, Json] | None = None,
        parameters: int | None = None,
    ) -> None:
        """Write `options.json`: everything needed to reproduce the run.

        Args:
            recipe: all options.
            images: the dataset.
            init: fingerprint of the model that the networks are initialized from.
            chosen: the preset that the recipe begins from, and why.
            parameters: how many all networks have together.
        """
        content = (
            recipe.to_json()
            | plugin_of(recipe.method)
            | dict(chosen or {})
            | {
                "run": uuid.uuid4().hex,
                "pictures": dataclasses.asdict(images.spec),
                "picture_kind": images.kind,
                "picture_count": len(images),
                "data_fingerprint": images.fingerprint,
                "labels_fingerprint": labels_fingerprint(images),
                "init_fingerprint": init,
                "parameters": parameters,
                "versions": versions(),
                "commit": commit(),
                "machine": machine(),
                "began": time.strftime("%Y-%m-%d %H:%M:%S"),
            }
        )
        write_atomic(self.options_file, json.dumps(content, indent=2) + "\n")

    def continue_with(self, recipe: Recipe) -> None:
        """Write the recipe with which a run goes on to `options.json`; other entries stay."""
        facts = self.facts()
        now = facts | recipe.to_json()
        if now != facts:
            write_atomic(self.options_file, json.dumps(now, indent=2) + "\n")

    def clear(self) -> None:
        """Delete what a training has written: checkpoints, models, log, sheets and report.

        What others have put beside them stays.
        """
        for file in (self.log_file, self.evaluations_file, self.report):
            file.unlink(missing_ok=True)
        self.delete_old_checkpoints(keep=0)
        remove_model(self.model)
        remove_model(self.best)
        for _, _, sheet in self._sheets():
            if is_marked(sheet):
                sheet.unlink(missing_ok=True)

    def remove_partial_files(self) -> None:
        """Delete what writers that were killed have left."""
        for folder in (self.folder, self.checkpoints, self.samples, self.model, self.best):
            remove_partial_files(folder)
        for digest in self.checkpoints.glob("step-*.sha256"):
            weights = digest.with_suffix(".safetensors")
            if CHECKPOINT_NAME.fullmatch(weights.name) and not weights.exists():
                digest.unlink(missing_ok=True)

    def facts(self) -> dict[str, Any]:
        """Content of `options.json`.

        Raises:
            UserError: if it is damaged.
        """
        content = read_json(self.options_file)
        with in_file(self.options_file, RESTORE):
            for name, kind in FACTS.items():
                try:
                    coerce(kind, content.get(name))
                except InvalidValue as invalid:
                    raise UserError(f"the entry {name} must be {invalid}.") from None
            options_from_json(ImageSpec, content["pictures"])
        return content

    def recipe(self) -> Recipe:
        """Recipe of the run.

        Raises:
            UserError: if `options.json` is damaged.
        """
        content = self.facts()
        installed_method(content["method"], content)  # says what to install
        with in_file(self.options_file, RESTORE):
            return recipe_from_json(content)

    def described_recipe(self) -> Recipe:
        """Recipe of the run, to be read and shown: the method, if reverie has it, is not imported.

        Raises:
            UserError: if `options.json` is damaged.
        """
        content = self.facts()
        refuse_absent_method(content["method"], content)
        with in_file(self.options_file, RESTORE):
            return recipe_from_json(content, options_kind)

    def log(self, line: dict[str, Any]) -> None:
        """Append one line to the log."""
        append_line(self.log_file, json.dumps(line))

    def log_evaluation(self, line: dict[str, Any]) -> None:
        """Append one validation result: its step and metrics, the Fréchet distance first."""
        append_line(self.evaluations_file, json.dumps(line))

    def read_log(self) -> list[dict[str, Any]]:
        """Lines of the log; damaged ones are left out."""
        return read_lines(self.log_file, LOG_LINE)

    def read_evaluations(self) -> list[dict[str, Any]]:
        """Validation results, in order of steps."""
        return read_lines(self.evaluations_file, EVALUATION_LINE)

    def cut_log(self, step: int) -> None:
        """Remove log, validation results and sheets after `step`, for resuming from there.

        The best model goes if it is of a step that is cut away: there will be another.
        """
        evaluations = self.read_evaluations()
        if evaluations and best_of(evaluations)["step"] > step:
            remove_model(self.best)
        for file, lines in ((self.log_file, self.read_log()), (self.evaluations_file, evaluations)):
            if file.exists():
                kept = [line for line in lines if line["step"] <= step]
                write_atomic(file, "".join(json.dumps(line) + "\n" for line in kept))
        for _, lost, sheet in list(self._sheets()):
            # Where sheets come by time, the next ones have other names.
            if lost > step and is_marked(sheet):
                sheet.unlink(missing_ok=True)

    def sheet_kinds(self) -> list[str]:
        """The kinds of sheets that there are, `samples` first."""
        found = {kind for kind, _, _ in self._sheets()}
        return sorted(found, key=lambda kind: (kind != "samples", kind))

    def sheets(self, kind: str = "samples") -> dict[int, Path]:
        """Preview sheets of one kind by step."""
        return dict(sorted((step, path) for one, step, path in self._sheets() if one == kind))

    def _sheets(self) -> Iterator[tuple[str, int, Path]]:
        """Kind, step and path of every file that is named like a preview sheet."""
        for path in self.samples.glob("step-*.png"):
            name = SHEET_NAME.fullmatch(path.name)
            if name is not None and path.is_file():
                yield name["kind"] or "samples", int(name["step"]), path

    def sheet(self, step: int, kind: str = "samples") -> Path:
        """Path of the preview sheet of `kind` at `step`."""
        marker = "" if kind == "samples" else f"-{kind}"
        return self.samples / f"step-{step:06d}{marker}.png"

    def save_checkpoint(self, checkpoint: Checkpoint, keep: int) -> None:
        """Write a checkpoint, then delete the oldest beyond `keep`.

        Raises:
            UserError: if it cannot be written; previous checkpoints are unchanged.
        """
        from safetensors.torch import save

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
                "what was saved before is unchanged."
            ) from None
        self.delete_old_checkpoints(keep)

    def delete_old_checkpoints(self, keep: int) -> None:
        """Delete all but the `keep` newest checkpoints."""
        for old in self._checkpoint_files()[keep:]:
            old.unlink(missing_ok=True)
            old.with_suffix(".sha256").unlink(missing_ok=True)

    def newest_checkpoint(self) -> Checkpoint | None:
        """Newest intact checkpoint; damaged ones are skipped with a warning."""
        for path in self._checkpoint_files():
            checkpoint = read_checkpoint(path)
            if checkpoint is not None:
                return checkpoint
            progress.warn(f"{path.name} is damaged; using the previous checkpoint.")
        return None

    def newest_header(self) -> CheckpointHeader | None:
        """Step and facts of the newest intact checkpoint."""
        headers = map(read_header, self._checkpoint_files())
        return next((header for header in headers if header is not None), None)

    def _checkpoint_files(self) -> list[Path]:
        found = self.checkpoints.glob("step-*.safetensors")
        return sorted((p for p in found if CHECKPOINT_NAME.fullmatch(p.name)), reverse=True)


def labels_fingerprint(images: "ImageDataset") -> str | None:
    """Hash of the labels, which a table may change while its images stay; None without labels."""
    if images.labels is None:
        return None
    names = json.dumps(images.spec.class_names).encode()
    return hashlib.sha256(images.labels.tobytes() + names).hexdigest()[:16]


def find_run(place: str | Path) -> Run:
    """The run in folder `place`.

    Raises:
        UserError: if there is none.
    """
    return Run(run_folder(place))


def best_evaluation(run: Run) -> dict[str, Any]:
    """Validation result of a run with the lowest Fréchet distance."""
    return best_of(run.read_evaluations())
