"""What does not exist, or cannot be what a command needs, is refused before PyTorch is imported.

What does exist is looked at by the commands themselves, which know more.
"""

import os
import sys
import zipfile
from collections.abc import Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from reverie.cli.command import Command
from reverie.cli.index_file import index
from reverie.core import progress
from reverie.core.errors import UserError, nearest
from reverie.core.files import cache_home, path_of, refuse_no_folder
from reverie.core.image_formats import SUFFIXES
from reverie.core.trackers import refuse_no_tracker
from reverie.core.weight_file import refuse_no_weights
from reverie.inference.place import ONNX, model_folder_of, refuse_unknown_model
from reverie.methods.abilities import cannot, class_number
from reverie.methods.index_file import indexed_methods
from reverie.runs.model_description import config_of
from reverie.runs.place import is_model_file, is_packed


def refuse_unfit(command: Command) -> None:
    """Raise a UserError if a command is to use a model, images or a folder that it cannot."""
    model = getattr(command, "model", None)
    for place in (model, *getattr(command, "models", ())):
        if isinstance(place, str):
            refuse_unfit_model(place, command.needs)
    images, out = getattr(command, "images", None), getattr(command, "out", None)
    if command.reads_images and not images:
        raise UserError("say which images: files, or folders of them.")
    if isinstance(images, tuple) and all(isinstance(path, Path) for path in images):
        folder = path_of(out) if command.writes_folder and out is not None else None
        refuse_no_images([path_of(path) for path in images], folder)
    if out is not None:
        is_folder = command.writes_folder or not out.suffix
        refuse_no_folder(path_of(out) if is_folder else path_of(out).parent)


def refuse_unfit_model(place: str, needs: Sequence[str] | None) -> None:
    """Raise a UserError if a model does not exist, or is of a method that lacks an ability."""
    refuse_unknown_model(place)
    path = path_of(place)
    if path.is_file():
        _refuse_no_model_file(path)
    if needs is None:
        return
    method = indexed_methods().get(_facts_of(place).get("method", ""))
    if method is None:
        return  # a file, a model of another package, or a damaged one
    for verb in needs:
        is_trained_apart = verb == "reconstruct" and method["is_inverted_by"] is not None
        if verb not in method["verbs"] and not is_trained_apart:
            raise UserError(cannot(place, verb, method["verbs"]))


def refuse_no_class(place: str, labels: Sequence[str]) -> None:
    """Raise a UserError if a model folder says that the model has not the classes of `labels`."""
    facts = _facts_of(place) if labels else {}
    method, classes = indexed_methods().get(facts.get("method", "")), facts.get("pictures")
    if method is None or not isinstance(classes, dict):
        return
    names = list(classes.get("class_names") or ()) if method["conditional"] else []
    if method["conditional"] and (len(names) < 2 or not facts["options"].get("conditional", True)):
        return  # trained without classes, which the model itself says
    for label in labels:
        class_number(place, label, names)


def _refuse_no_model_file(path: Path) -> None:
    """Raise a UserError if a file is no model, array or image, by its name and first bytes."""
    from reverie.data.sources import is_data_file

    if is_packed(path) and not zipfile.is_zipfile(path):
        raise UserError(f"{path}: this zip archive cannot be read (File is not a zip file).")
    suffix = path.suffix.lower()  # of an image each command says what it takes instead
    if suffix in SUFFIXES or suffix == ONNX or is_model_file(path) or is_data_file(path):
        return
    refuse_no_weights(path)


def _facts_of(place: str) -> dict[str, Any]:
    """What the configuration of a model says; empty if that cannot be read."""
    path = path_of(place)
    found = path if is_model_file(path) else model_folder_of(place)
    facts = {} if found is None else config_of(found)
    return facts if isinstance(facts.get("options"), dict) else {}


def refuse_no_images(places: Sequence[Path], out: Path | None = None) -> None:
    """Raise a UserError if images do not exist, a folder is empty, or the only file is none.

    Or if they are in the folder `out`, where the results go.
    """
    from reverie.core.image_folder import find_image_files
    from reverie.core.image_formats import opened

    with progress.silent():
        for place in places:
            if out is not None and place.is_dir() and out.is_dir() and place.samefile(out):
                raise UserError(f"{out} is the folder of the images: choose another --out.")
            if not os.path.isdir(place) or not os.listdir(place):
                find_image_files([place])
    if len(places) == 1 and places[0].is_file():
        with opened(places[0]):
            pass


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


def refuse_no_data(place: object) -> None:
    """Raise a UserError if no dataset is named, or one that does not exist."""
    if place is None:
        from reverie.data.sets import NO_DATA

        raise UserError(NO_DATA)
    refuse_unknown_data(place)


def refuse_unknown_parts(options: Mapping[str, Any]) -> None:
    """Raise a UserError if an optimizer, a schedule, a loss or a tracker has an unknown name."""
    for option, part in index()["parts"].items():
        name, known = options.get(option), _names_of(part)
        if isinstance(name, str) and "." not in name and name not in known:
            raise UserError(f"there is no {part['kind']} {name!r}; {nearest(name, known)}")
    for name in options.get("track", ()):
        refuse_no_tracker(name, index()["trackers"])


def _names_of(part: Mapping[str, Any]) -> list[str]:
    """The names in a registry, whose module is not imported for it."""
    module, _, name = part["registry"].partition(":")
    if module in sys.modules:  # and with it perhaps what registers others
        return list(getattr(sys.modules[module], name))
    return [*part["names"], *(point.name for point in entry_points(group=part["group"]))]


def refuse_no_file(path: Path) -> None:
    """Raise a UserError if the recipe `path` does not exist."""
    if not os.path.lexists(path):
        raise UserError(f"{path}: there is no such file; --print-config writes a recipe.")
