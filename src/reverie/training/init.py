"""Initialization from a trained model (`--init`)."""

import hashlib
import shutil
from dataclasses import replace

from reverie.core import progress
from reverie.core.errors import UserError
from reverie.core.files import path_of, remove_partial_files, replace_folder
from reverie.inference.load import load
from reverie.inference.model import Model
from reverie.methods import METHODS, Method
from reverie.methods.recipe import Recipe
from reverie.runs.run import Run


def inherit_architecture(recipe: Recipe) -> tuple[Recipe, Model | None]:
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


def load_initial_weights(method: Method, start: Model) -> None:
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


def with_whole_path(recipe: Recipe) -> Recipe:
    """The recipe with the whole path of `--init`, so that a run can be resumed from anywhere."""
    init = recipe.training.init
    if init is None or not path_of(init).exists():
        return recipe  # a built-in model, or one on the hub
    whole = str(path_of(init).absolute())
    return replace(recipe, training=replace(recipe.training, init=whole))


def fingerprint_of(model: Model) -> str:
    """Hash of a model's weights."""
    whole = hashlib.sha256()
    for name, tensor in sorted(model.method.state_dict().items()):
        whole.update(name.encode() + b"\0" + tensor.contiguous().cpu().numpy().tobytes())
    return whole.hexdigest()[:16]


def _has_changed(run: Run, start: Model) -> bool:
    """Whether a model is not the one that a run was initialized from."""
    then = run.facts().get("init_fingerprint")  # older versions left it out
    return then is not None and then != fingerprint_of(start)


def check_init(run: Run, start: Model) -> None:
    """Raise a UserError if the model that a run begins from is not what it was when it was begun.

    For a run that was stopped before its first checkpoint.
    """
    if _has_changed(run, start):
        raise UserError(
            f"{start.name} has changed since {run.folder} was started from it: start a new run in "
            "another folder."
        )


def keep_beside_init(run: Run, init: str | None, name: str) -> None:
    """Copy a trained model beside the model that it was trained for, where that is a run."""
    if init is None:
        return
    base = Run(path_of(init))
    if not base.exists():
        if not base.folder.exists():
            progress.say(f"{init} is not here: the model is in {run.model} alone.")
        return
    remove_partial_files(base.folder)
    if _has_changed(run, load(init)):
        progress.warn(
            f"{init} has changed since this training was started from it, so that this model does "
            f"not fit it any more: it stays in {run.model}."
        )
        return
    folder = base.folder / name
    with replace_folder(folder) as aside:
        shutil.copytree(run.model, aside, dirs_exist_ok=True)
    progress.say(f"{init} uses this model from now on: it is in {folder}")
