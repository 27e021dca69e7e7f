"""From a recipe to a finished run: what is refused before anything is trained, and what it begins
from.
"""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from reverie.core import progress
from reverie.core.errors import UserError
from reverie.data import ImageSpec, decode_dataset, find_dataset
from reverie.inference.load import load
from reverie.inference.model import Model
from reverie.methods import METHODS, Method
from reverie.methods.recipe import Recipe
from reverie.runs.model_folder import build_method
from reverie.runs.run import Run

MAY_CHANGE_ON_RESUME = frozenset(
    [
        "steps",
        "epochs",
        "minutes",
        "log_every",
        "sample_every",
        "checkpoint_every",
        "keep_checkpoints",
        "evaluate_every",
        "evaluate_count",
        "patience",
        "track",
        "cache",
        "device",
    ]
)


@dataclass(frozen=True)
class TrainResult:
    """What `train` returns: the run's folder, how far it came and whether that was all the way."""

    folder: Path
    steps: int
    seconds: float
    finished: bool
    report: Path

    def load(self) -> "Model":
        """The trained model."""
        return load(self.folder)


def check_resumable(before: Recipe, now: Recipe) -> None:
    """Raise a UserError if a run would go on with options that it was not begun with."""
    old, new = before.flat(), now.flat()
    for name in old:
        if old[name] != new[name] and name not in MAY_CHANGE_ON_RESUME:
            flag = name.replace("_", "-")
            raise UserError(
                f"this run was begun with --{flag} {old[name]}, not {new[name]}: leave the option "
                "out to go on, or start a new run in another folder."
            )


def train_recipe(recipe: Recipe, run: Run, resume: bool = False) -> TrainResult:
    """Train a complete recipe in `run`."""
    # Accelerate takes a second to import.
    from reverie.training.loop import fit
    from reverie.training.setup import check_length, make_accelerator

    if run.exists() and not resume:
        raise UserError(
            f"{run.folder} holds a run already: add --resume to go on with it, or choose another "
            "--out."
        )
    recipe, start = (recipe, None) if resume else _adopting(recipe)
    _check_numbers(recipe)
    if recipe.training.patience and not recipe.training.evaluate_every:
        raise UserError("--patience counts measurements: say how often with --evaluate-every.")
    check_length(recipe.training)
    data_kind = METHODS[recipe.method].data_kind
    found = find_dataset(
        recipe.data,
        data_kind if data_kind in ("paired", "unpaired", "degraded") else "one",
        getattr(recipe.options, "scale", 1),
    )
    if data_kind == "labelled" and found.source.labels is None:
        raise UserError(
            f"{recipe.method} needs pictures with classes, and {recipe.data.data} has none: sort "
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
            progress.warn("the pictures are not the ones that this run was begun with.")
    accelerator.wait_for_everyone()
    state = fit(run, method, images, recipe, accelerator)
    if accelerator.is_main_process and recipe.method == "encoder":
        install_encoder(run, recipe.training.init)
    accelerator.wait_for_everyone()  # the others wait while the first writes the report
    return TrainResult(run.folder, state.step, state.seconds, state.finished, run.report)


def _adopting(recipe: Recipe) -> tuple[Recipe, Model | None]:
    """The recipe with the shape of the networks that it begins from, and their model."""
    kind = METHODS[recipe.method]
    if recipe.training.init is None:
        if kind.init_from:
            progress.warn(
                f"{recipe.method} begins from a trained {kind.init_from}: name one with --init."
            )
        return recipe, None
    start = load(recipe.training.init)
    options = kind.inherit_options(recipe.options, start.method, start.method_name)
    return replace(recipe, options=options), start


def _begin_from(method: Method, start: Model) -> None:
    """Give a method the weights of the networks that it has in common with a model.

    Raises:
        UserError: if there are none.
    """
    common = method.load_matching(start.method)
    if not common:
        raise UserError(
            f"{start.name} is a {start.method_name} and has no network in common with what is to "
            "be trained: leave --init out, or name a model of the same kind and size."
        )
    progress.say(f"beginning from {start.name}: {', '.join(common)}")


def _check_same_images(run: Run, spec: ImageSpec) -> None:
    """Raise a UserError if the pictures no longer are of the kind that the run's networks fit."""
    before = run.facts()["pictures"]
    for name, now in (("channels", spec.channels), ("classes", spec.classes)):
        then = len(before["class_names"]) if name == "classes" else before[name]
        if then != now:
            raise UserError(
                f"the pictures have changed since this run was begun: {then} {name} then, {now} "
                "now. Put them back, or start a new run in another folder."
            )


def _check_numbers(recipe: Recipe) -> None:
    flat = recipe.flat()
    for name in ("batch_size", "accumulate", "log_every", "sample_every", "checkpoint_every",
                 "keep_checkpoints", "latent_size", "width", "penalty_every",
                 "generator_every"):  # fmt: skip
        if flat.get(name, 1) < 1:
            raise UserError(f"--{name.replace('_', '-')} must be at least 1, not {flat[name]}.")
    weights = [name for name in flat if name.endswith("_weight")]
    for name in ("steps", "epochs", "minutes", "learning_rate", *weights):
        if flat[name] is not None and flat[name] < 0:
            raise UserError(f"--{name.replace('_', '-')} cannot be negative.")


def install_encoder(run: Run, generator: str | None) -> None:
    """Put a trained encoder beside the generator that it belongs to, where that is a run here."""
    if generator is not None and Run(Path(generator).expanduser()).exists():
        place = Run(Path(generator).expanduser()).encoder
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(run.model, place)
        progress.say(f"{generator} finds latents from now on: its encoder is in {place}")
