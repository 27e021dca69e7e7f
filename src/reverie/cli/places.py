"""Runs, models and data that do not exist are refused before PyTorch is imported for them.

What does exist is looked at by the commands themselves, which know more.
"""

import os
from pathlib import Path

from reverie.cli.index_file import index
from reverie.core.errors import UserError
from reverie.core.files import cache_home, path_of
from reverie.inference.place import refuse_unknown_model


def refuse_unknown_models(command: object) -> None:
    """Raise a UserError if a command is to use a model that does not exist."""
    model = getattr(command, "model", None)
    for place in (model, *getattr(command, "models", ())):
        if isinstance(place, str):
            refuse_unknown_model(place)


def refuse_unknown_data(place: object) -> None:
    """Raise a UserError if `--data` names neither a file, a folder nor a dataset that is here."""
    if not isinstance(place, str) or os.path.lexists(path_of(place)):
        return
    from reverie.data.sets import DATASETS, fetched_as, no_such_data

    indexed = index()["datasets"].get(place)
    here = (cache_home() / "sets" / place).is_dir()
    if here or (indexed is not None and not indexed["fetched"]):
        return
    if indexed is None and (place in DATASETS or fetched_as(place) is not None):
        return  # of another package, or with options: the command itself finds out
    raise no_such_data(place)


def refuse_no_file(path: Path) -> None:
    """Raise a UserError if the recipe `path` does not exist."""
    if not os.path.lexists(path):
        raise UserError(f"{path}: there is no such file; --print-config writes a recipe.")
