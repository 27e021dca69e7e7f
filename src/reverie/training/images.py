"""The dataset of a recipe, found and not decoded."""

from reverie.core.errors import UserError
from reverie.data import find_dataset
from reverie.data.dataset import PendingDataset
from reverie.data.sides import Sides
from reverie.methods import METHODS
from reverie.methods.recipe import Recipe

SIDES: dict[str, Sides] = {"paired": "paired", "unpaired": "unpaired", "degraded": "degraded"}
"""How the data of each kind is found; one dataset where nothing is said."""


def find_images(recipe: Recipe) -> PendingDataset:
    """The dataset of a recipe, found but not decoded.

    Raises:
        UserError: if there is none, or the method needs classes and it has none.
    """
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
