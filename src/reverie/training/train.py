"""From options to a finished run."""

import functools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from reverie.core import progress
from reverie.core.files import refuse_no_folder
from reverie.core.launch import is_started_as_main
from reverie.core.memory import freed_memory_kept
from reverie.core.options import OptionValue
from reverie.core.state_dict import without_memory
from reverie.data import Batches, DataOptions, ImageDataset, ImageSpec, decode_dataset
from reverie.inference.model import Model
from reverie.methods import METHODS, Method
from reverie.methods.base_recipe import check_resumable
from reverie.methods.recipe import Recipe
from reverie.runs.checkpoint import Checkpoint
from reverie.runs.model_folder import build_method
from reverie.runs.run import Run
from reverie.training.budget import refuse_shorter
from reverie.training.gradient_checkpointing import check_gradient_checkpointing
from reverie.training.images import find_images
from reverie.training.init import (
    check_init,
    fingerprint_of,
    inherit_architecture,
    keep_beside_init,
    load_initial_weights,
    with_whole_path,
)
from reverie.training.preset_choice import NOT_NAMED, ChosenPreset, starting_recipe
from reverie.training.result import TrainResult
from reverie.training.resume import (
    Origin,
    base_recipe,
    check_images,
    check_spec,
    checkpoint_to_resume,
    refuse_existing,
    refuse_inside_data,
)
from reverie.training.validation import check_validation

if TYPE_CHECKING:
    from reverie.training.callbacks import Callback

PREPARE_BATCH_SIZE = 200


def train(
    method: str | None,
    out: Path,
    *,
    preset: str | None = None,
    config: Path | None = None,
    resume: bool = False,
    restart: bool = False,
    forecast: bool = False,
    changes: Mapping[str, OptionValue | Callable[..., object]],
    callbacks: Sequence["Callback"] = (),
) -> TrainResult:
    """Train a method, or resume a run; `changes` are options by their plain names.

    The method may be None where `config`, the file of a recipe, or the run to resume says it.
    With `forecast` a long training on a processor says first how long it takes. Optimizer and
    schedule may be functions.

    Raises:
        UserError: if something that was asked for cannot be done, before anything is trained.
    """
    from reverie.training.callbacks import checked_callbacks
    from reverie.training.schedules import named_parts

    checked = checked_callbacks(callbacks)
    recipe, chosen = resolve(
        method,
        out,
        preset=preset,
        config=config,
        goes_on=resume or restart,
        changes=named_parts(changes),
    )
    # Only the main process writes.
    lock = Run(out).lock() if is_started_as_main() else nullcontext()
    with lock, freed_memory_kept():
        return train_recipe(recipe, Run(out), resume, restart, chosen, forecast, checked)


def resolve(
    method: str | None,
    out: Path | None,
    *,
    preset: str | None,
    config: Path | None,
    goes_on: bool,
    changes: Mapping[str, OptionValue],
) -> tuple[Recipe, ChosenPreset]:
    """All options of a training, and the preset that they begin from.

    Raises:
        UserError: if they contradict each other, or the run that they belong to.
    """
    place = out or Path()
    before = base_recipe(method, place, preset, goes_on, config)
    if out is not None and not goes_on:
        refuse_existing(Run(out))  # before images are looked for
        refuse_no_folder(out)
    kind = "run" if goes_on else "new" if config is None else "file"
    before, chosen = starting_recipe(before, place, preset, changes, kind)
    recipe = before.with_options(**changes)
    if goes_on:
        check_resumable(before, recipe)
    if out is not None:
        refuse_inside_data(out, recipe)
    return recipe, chosen


def train_recipe(
    recipe: Recipe,
    run: Run,
    resume: bool = False,
    restart: bool = False,
    chosen: ChosenPreset = NOT_NAMED,
    forecast: bool = False,
    callbacks: Sequence["Callback"] = (),
) -> TrainResult:
    """Train a complete recipe in `run`.

    Args:
        recipe: all options.
        run: its folder.
        resume: continue from the run's newest checkpoint.
        restart: train a run again from step 0; it goes before `resume`.
        chosen: its preset, for the record.
        forecast: say first how long it takes, if that is long.
        callbacks: called while it trains, in the main process.

    Raises:
        UserError: if there is a run and none goes on, or options or dataset do not fit the method.
    """
    from reverie.training.forecast import say_before
    from reverie.training.loop import fit  # Accelerate takes a second to import
    from reverie.training.monitor import TrainingMonitor
    from reverie.training.setup import make_accelerator
    from reverie.training.state import TrainState

    resume &= not restart
    if not (resume or restart):
        refuse_existing(run)
    checkpoint = checkpoint_to_resume(run) if resume else None
    recipe, start = (recipe, None) if checkpoint else inherit_architecture(with_whole_path(recipe))
    found = find_images(recipe)
    if checkpoint:
        check_spec(run, found.spec)
    method = _initialized(recipe, found.spec, start, run if resume else None)
    accelerator = make_accelerator(recipe.training, run)
    # Before anything of the run is written: weights that a loss needs may not be installed.
    state = TrainState(method, recipe.training, accelerator)
    if not (resume or restart) and accelerator.is_main_process:
        say_before(recipe, found, accelerator, chosen, forecast)
    with accelerator.main_process_first():
        images = decode_dataset(found)
    if resume:
        _check_continued(run, recipe, images, accelerator.num_processes, checkpoint)
    if not checkpoint:
        _prepare(method, images, recipe.training.seed)
    monitor = None
    if main := accelerator.is_main_process:
        monitor = TrainingMonitor(run, recipe, method, images, accelerator, callbacks)
        monitor.start_trackers()  # before anything of the run is written: it may fail
        _write_options(run, recipe, images, method, checkpoint, start, chosen, clear=restart)
    accelerator.wait_for_everyone()
    counters = fit(state, images, recipe, monitor, checkpoint)
    if main and method.kept_beside_init:
        keep_beside_init(run, recipe.training.init, method.kept_beside_init)
    accelerator.wait_for_everyone()  # until the main process has written the report
    return TrainResult.of(run, counters, checkpoint)


def _check_continued(
    run: Run, recipe: Recipe, images: ImageDataset, processes: int, checkpoint: Checkpoint | None
) -> None:
    """Raise a UserError if a run cannot go on with these images, this recipe and processes."""
    check_images(run, images)
    if checkpoint:
        Origin.of(run, recipe, processes).check(checkpoint)
        refuse_shorter(recipe.training, run.recipe().training, len(images), processes, checkpoint)


def _initialized(
    recipe: Recipe, spec: ImageSpec, start: Model | None, resumed: Run | None
) -> Method:
    """The method with the weights of `--init`, which must be those that a resumed run began with.

    Raises:
        UserError: if they are not, or the method has no use for an option.
    """
    method = build_method(recipe, spec)
    check_validation(recipe, method)
    check_gradient_checkpointing(recipe, method)
    if start is not None:
        if resumed is not None:
            check_init(resumed, start)
        load_initial_weights(method, start)
    return method


def _prepare(method: Method, images: ImageDataset, seed: int) -> None:
    """Prepare a method on the first batches of training images, before the first step."""
    count = math.ceil(min(method.prepare_count, len(images)) / PREPARE_BATCH_SIZE)
    if count:
        batches = Batches(images, PREPARE_BATCH_SIZE, seed)
        numbers = progress.track(range(count), count, "reading images", "batches")
        parts = (batches.read(number).images for number in numbers)
        method.prepare(parts, torch.Generator().manual_seed(seed))


def _write_options(
    run: Run,
    recipe: Recipe,
    images: ImageDataset,
    method: Method,
    checkpoint: Checkpoint | None,
    start: Model | None,
    chosen: ChosenPreset,
    *,
    clear: bool,
) -> None:
    """Write what a run is, or with which recipe it goes on from a checkpoint.

    With `clear`, what it has trained before is deleted.
    """
    run.remove_partial_files()
    if checkpoint:
        run.continue_with(recipe)
    else:
        init = None if start is None else fingerprint_of(start)
        parameters = sum(parameter.numel() for parameter in method.parameters())
        run.begin(recipe, images, init, chosen.record(), parameters)
    if clear:
        run.clear()  # last, so that a disk that is full costs nothing


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
            specs[key] = find_images(recipe).spec
        method = without_memory(functools.partial(kind, recipe.options, specs[key]))
        check_validation(recipe, method)
        check_gradient_checkpointing(recipe, method)
