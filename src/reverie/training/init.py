"""Initialization from a trained model (`--init`)."""

import shutil
from dataclasses import replace
from pathlib import Path

from reverie.core import progress
from reverie.core.errors import UserError
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


def keep_beside_init(run: Run, init: str | None, name: str) -> None:
    """Copy a trained model beside the model that it was trained for, where that is a run."""
    if init is not None and Run(Path(init).expanduser()).exists():
        folder = Run(Path(init).expanduser()).folder / name
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(run.model, folder)
        progress.say(f"{init} uses this model from now on: it is in {folder}")
