"""Training of a recipe: validation of options, resuming, initialization from a trained model."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from reverie.core import progress
from reverie.core.errors import UserError
from reverie.core.options import OptionValue, flag_of
from reverie.core.result import INTERRUPTED, Json, Result
from reverie.data import ImageSpec, decode_dataset, find_dataset
from reverie.data.dataset import Sides
from reverie.inference.load import load
from reverie.inference.model import Model
from reverie.methods import METHODS, Method
from reverie.methods.presets import recipe_for
from reverie.methods.recipe import Recipe
from reverie.runs.model_folder import build_method
from reverie.runs.run import Run, best_evaluation, find_run

SIDES: dict[str, Sides] = {"paired": "paired", "unpaired": "unpaired", "degraded": "degraded"}
"""How the data of each kind is found; one dataset where nothing is said."""


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
        pace = f"{self.steps:,} steps in {progress.readable_seconds(self.seconds)}"
        if not self.finished:
            method = run.recipe().method
            return f"stopped after {pace}; resume with: reverie train {method} --out {run.folder} --resume"
        text = f"{pace}: {self.report}"
        if run.best.exists():
            text += f"\nthe last model is in {run.model}, the best in {run.best}: "
            text += f"step {best_evaluation(run)['step']:,}"
        return text


def base_recipe(method: str, out: Path, preset: str | None, resume: bool) -> Recipe:
    """What a training starts from: a preset, the defaults, or the recipe of the run to resume.

    Raises:
        UserError: if there is no such method, preset or run, or the run trains another method.
    """
    if not resume:
        return recipe_for(method, preset)
    before = find_run(out).recipe()
    if method != before.method:
        raise UserError(
            f"{out} trains a {before.method}, not a {method}: "
            f"reverie train {before.method} --resume."
        )
    return before


def train(
    method: str,
    out: Path,
    *,
    preset: str | None = None,
    resume: bool = False,
    changes: Mapping[str, OptionValue],
) -> TrainResult:
    """Train a method, or resume a run; `changes` are options by their plain names.

    Raises:
        UserError: if something that was asked for cannot be done, before anything is trained.
    """
    before = base_recipe(method, out, preset, resume)
    recipe = before.with_options(**changes)
    if resume:
        check_resumable(before, recipe)
    return train_recipe(recipe, Run(out), resume)


def check_resumable(before: Recipe, now: Recipe) -> None:
    """Raise a UserError if a run would be resumed with options that it was not begun with."""
    old, new = before.flat(), now.flat()
    for name in old.keys() - before.resumable():
        if old[name] != new[name]:
            raise UserError(
                f"this run was started with {flag_of(name)} {old[name]}, not {new[name]}: leave "
                "the option out to resume, or start a new run in another folder."
            )


def train_recipe(recipe: Recipe, run: Run, resume: bool = False) -> TrainResult:
    """Train a complete recipe in `run`.

    Args:
        recipe: all options.
        run: the folder to write to.
        resume: continue from the run's newest checkpoint.

    Raises:
        UserError: if the folder holds a run and `resume` is False, an option is invalid, or the
            dataset does not fit the method.
    """
    # Accelerate takes a second to import.
    from reverie.training.loop import fit
    from reverie.training.setup import make_accelerator

    if run.exists() and not resume:
        raise UserError(
            f"{run.folder} already holds a run: add --resume to continue it, or choose another "
            "--out."
        )
    recipe, start = (recipe, None) if resume else _inherit(recipe)
    kind = METHODS.find(recipe.method)
    sides = SIDES.get(kind.data_kind, "one")
    found = find_dataset(recipe.data, sides, kind.data_scale(recipe.options))
    if kind.data_kind == "labelled" and found.source.labels is None:
        raise UserError(
            f"{recipe.method} needs images with classes, and {recipe.data.data} has none: sort "
            "them into one folder for each class, or use a table with --label-column."
        )
    if resume:
        _check_same_images(run, found.spec)
    method = build_method(recipe, found.spec)
    if start is not None:
        _begin_from(method, start)
    accelerator = make_accelerator(recipe.training, run)
    with accelerator.main_process_first():
        images = decode_dataset(found)
    if accelerator.is_main_process:
        if not resume:
            run.begin(recipe, images)
        elif run.facts()["data_fingerprint"] != images.fingerprint:
            progress.warn("the dataset differs from the one that this run was started with.")
    accelerator.wait_for_everyone()
    counters = fit(run, method, images, recipe, accelerator)
    if accelerator.is_main_process and kind.kept_beside_init:
        _keep_beside_init(run, recipe.training.init, kind.kept_beside_init)
    accelerator.wait_for_everyone()  # until the main process has written the report
    return TrainResult(run.folder, counters.step, counters.seconds, counters.finished, run.report)


def _inherit(recipe: Recipe) -> tuple[Recipe, Model | None]:
    """Recipe with the architecture options inherited from `--init`, and that model."""
    kind = METHODS.find(recipe.method)
    if recipe.training.init is None:
        if kind.init_from:
            progress.warn(
                f"{recipe.method} starts from a trained {kind.init_from}: give one with --init."
            )
        return recipe, None
    start = load(recipe.training.init)
    options = kind.inherit_options(recipe.options, start.method, start.method_name)
    return replace(recipe, options=options), start


def _begin_from(method: Method, start: Model) -> None:
    """Load the weights of all networks that a method has in common with a model.

    Raises:
        UserError: if there are none.
    """
    common = method.load_matching(start.method)
    if not common:
        raise UserError(
            f"{start.name} is a {start.method_name} and has no network in common with the model "
            "to be trained: omit --init, or give a model of the same kind and size."
        )
    progress.say(f"initialized from {start.name}: {', '.join(common)}")


def _check_same_images(run: Run, spec: ImageSpec) -> None:
    """Raise a UserError if channels or number of classes differ from the run's."""
    before = run.facts()["pictures"]
    for name, now in (("channels", spec.channels), ("classes", spec.classes)):
        then = len(before["class_names"]) if name == "classes" else before[name]
        if then != now:
            raise UserError(
                f"the dataset has changed since this run was started: {then} {name} then, {now} "
                "now. Restore it, or start a new run in another folder."
            )


def _keep_beside_init(run: Run, init: str | None, name: str) -> None:
    """Copy a trained model beside the model that it was trained for, where that is a run."""
    if init is not None and Run(Path(init).expanduser()).exists():
        folder = Run(Path(init).expanduser()).folder / name
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(run.model, folder)
        progress.say(f"{init} uses this model from now on: it is in {folder}")
