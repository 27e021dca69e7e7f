"""From options to a finished run."""

from collections.abc import Mapping
from pathlib import Path

from reverie.core import progress
from reverie.core.errors import UserError
from reverie.core.options import OptionValue
from reverie.data import decode_dataset, find_dataset
from reverie.data.dataset import Sides
from reverie.methods import METHODS
from reverie.methods.recipe import Recipe
from reverie.runs.model_folder import build_method
from reverie.runs.run import Run
from reverie.training.init import inherit_architecture, keep_beside_init, load_initial_weights
from reverie.training.result import TrainResult
from reverie.training.resume import base_recipe, check_resumable, check_same_images

SIDES: dict[str, Sides] = {"paired": "paired", "unpaired": "unpaired", "degraded": "degraded"}
"""How the data of each kind is found; one dataset where nothing is said."""


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
    recipe, start = (recipe, None) if resume else inherit_architecture(recipe)
    kind = METHODS.find(recipe.method)
    sides = SIDES.get(kind.data_kind, "one")
    found = find_dataset(recipe.data, sides, kind.data_scale(recipe.options))
    if kind.data_kind == "labelled" and found.source.labels is None:
        raise UserError(
            f"{recipe.method} needs images with classes, and {recipe.data.data} has none: sort "
            "them into one folder for each class, or use a table with --label-column."
        )
    if resume:
        check_same_images(run, found.spec)
    method = build_method(recipe, found.spec)
    if start is not None:
        load_initial_weights(method, start)
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
        keep_beside_init(run, recipe.training.init, kind.kept_beside_init)
    accelerator.wait_for_everyone()  # until the main process has written the report
    return TrainResult(run.folder, counters.step, counters.seconds, counters.finished, run.report)
