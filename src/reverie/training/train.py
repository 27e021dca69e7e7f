"""From options to a finished run."""

import functools
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from pathlib import Path

from reverie.core.errors import UserError
from reverie.core.launch import is_started_as_main
from reverie.core.memory import freed_memory_kept
from reverie.core.options import OptionValue
from reverie.core.state_dict import without_memory
from reverie.data import DataOptions, ImageSpec, decode_dataset, find_dataset
from reverie.data.dataset import PendingDataset
from reverie.data.sides import Sides
from reverie.methods import METHODS
from reverie.methods.recipe import Recipe
from reverie.runs.model_folder import build_method
from reverie.runs.run import Run
from reverie.training.init import (
    check_init,
    fingerprint_of,
    inherit_architecture,
    keep_beside_init,
    load_initial_weights,
    with_whole_path,
)
from reverie.training.result import TrainResult
from reverie.training.resume import (
    Origin,
    base_recipe,
    check_images,
    check_resumable,
    check_spec,
    checkpoint_to_resume,
    refuse_existing,
    refuse_inside_data,
)
from reverie.training.validation import check_validation

SIDES: dict[str, Sides] = {"paired": "paired", "unpaired": "unpaired", "degraded": "degraded"}
"""How the data of each kind is found; one dataset where nothing is said."""


def train(
    method: str | None,
    out: Path,
    *,
    preset: str | None = None,
    config: Path | None = None,
    resume: bool = False,
    restart: bool = False,
    changes: Mapping[str, OptionValue],
) -> TrainResult:
    """Train a method, or resume a run; `changes` are options by their plain names.

    The method may be None where `config`, the file of a recipe, or the run to resume says it.

    Raises:
        UserError: if something that was asked for cannot be done, before anything is trained.
    """
    before = base_recipe(method, out, preset, resume or restart, config)
    recipe = before.with_options(**changes)
    if resume or restart:
        check_resumable(before, recipe)
    refuse_inside_data(out, recipe)
    # Only the main process writes.
    lock = Run(out).lock() if is_started_as_main() else nullcontext()
    with lock, freed_memory_kept():
        return train_recipe(recipe, Run(out), resume, restart)


def train_recipe(
    recipe: Recipe, run: Run, resume: bool = False, restart: bool = False
) -> TrainResult:
    """Train a complete recipe in `run`.

    Args:
        recipe: all options.
        run: the folder to write to.
        resume: continue from the run's newest checkpoint.
        restart: train a run again from step 0; it goes before `resume`.

    Raises:
        UserError: if the folder holds a run and neither `resume` nor `restart` is True, an option
            is invalid, or the dataset does not fit the method.
    """
    # Accelerate takes a second to import.
    from reverie.training.loop import fit
    from reverie.training.monitor import TrainingMonitor
    from reverie.training.setup import Budget, make_accelerator, refuse_shorter

    resume = resume and not restart
    if not (resume or restart):
        refuse_existing(run)
    checkpoint = checkpoint_to_resume(run) if resume else None
    recipe, start = (recipe, None) if checkpoint else inherit_architecture(with_whole_path(recipe))
    found = _find_images(recipe)
    if checkpoint:
        check_spec(run, found.spec)
    method = build_method(recipe, found.spec)
    check_validation(recipe, method)
    if start is not None:
        if resume:
            check_init(run, start)
        load_initial_weights(method, start)
    accelerator = make_accelerator(recipe.training, run)
    with accelerator.main_process_first():
        images = decode_dataset(found)
    if resume:
        check_images(run, images)
    if checkpoint:
        processes = accelerator.num_processes
        Origin.of(run, recipe, processes).check(checkpoint)
        refuse_shorter(Budget.of(recipe.training, len(images), processes), checkpoint)
    main = accelerator.is_main_process
    monitor = TrainingMonitor(run, recipe, method, images, accelerator) if main else None
    if main:
        run.remove_partial_files()
        if checkpoint:
            run.continue_with(recipe)
        else:
            run.begin(recipe, images, None if start is None else fingerprint_of(start))
        if restart:
            run.clear()  # last, so that a disk that is full costs nothing
    accelerator.wait_for_everyone()
    counters = fit(method, images, recipe, accelerator, monitor, checkpoint)
    if main and method.kept_beside_init:
        keep_beside_init(run, recipe.training.init, method.kept_beside_init)
    accelerator.wait_for_everyone()  # until the main process has written the report
    return TrainResult(run.folder, counters.step, counters.seconds, counters.finished, run.report)


def check_recipes(recipes: Iterable[Recipe]) -> None:
    """Raise a UserError if one of several recipes cannot be trained, as far as can be seen before.

    Datasets are found, networks are built without memory, and no image is decoded.
    """
    from reverie.training.setup import check_available

    specs: dict[tuple[DataOptions, int], ImageSpec] = {}
    for recipe in recipes:
        check_available(recipe.training)
        recipe, _ = inherit_architecture(with_whole_path(recipe))
        kind = METHODS.find(recipe.method)
        key = recipe.data, kind.data_scale(recipe.options)
        if key not in specs:
            specs[key] = _find_images(recipe).spec
        method = without_memory(functools.partial(kind, recipe.options, specs[key]))
        check_validation(recipe, method)


def _find_images(recipe: Recipe) -> PendingDataset:
    """The dataset of a recipe, found but not decoded."""
    kind = METHODS.find(recipe.method)
    sides = SIDES.get(kind.data_kind, "one")
    found = find_dataset(recipe.data, sides, kind.data_scale(recipe.options))
    if kind.data_kind == "labelled" and found.source.labels is None:
        raise UserError(
            f"{recipe.method} needs images with classes, and {recipe.data.data} has none: sort "
            "them into one folder for each class, use a table with --label-column, or in Python "
            "give labels= with images in memory."
        )
    return found
