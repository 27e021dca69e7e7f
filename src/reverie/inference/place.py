"""Names of models: those of the package and of the hub, runs and folders; without PyTorch."""

import re
from contextlib import suppress
from difflib import get_close_matches
from itertools import islice
from pathlib import Path

from reverie.core.errors import UserError
from reverie.core.files import path_of
from reverie.core.image_formats import SUFFIXES
from reverie.runs.place import OPTIONS_FILE, is_model_file, refuse_folder_of_runs

BUILT_IN_MODELS = {
    folder.name: folder for folder in sorted((Path(__file__).parent / "pretrained").glob("[!_]*"))
}

ONNX = ".onnx"
"""How names of ONNX files end."""

HUB = "hf:"
"""Begins the names of models on the Hugging Face hub."""
HUB_NAME = r"[\w.-]+/[\w.-]+"

CONFIGURATIONS = ("config.json", "unet/config.json", "model_index.json")
"""Of our own model folders, and of those of diffusers."""

LIKENESS = 0.7
"""From which `difflib` ratio on a name is taken for a mistyped one."""
MAX_FOLDERS = 1000
"""How many folders are looked at for a mistyped name."""


def default_upscaler(scale: float | None) -> str:
    """The model of the package that enlarges to this scale, if no model is named."""
    return "photos-x2" if scale is not None and scale <= 2 else "photos-x4"


def refuse_unknown_model(place: str) -> None:
    """Raise a UserError if `place` is neither a model here nor a name that the hub may have."""
    path = path_of(place)
    known = place.startswith(HUB) or place in BUILT_IN_MODELS
    if known or path.is_file() or path.is_dir():
        return
    if not re.fullmatch(HUB_NAME, place) or path.parent.exists():
        raise UserError(
            f"{place}: there is no run or model folder of that name; a model on the hub is named "
            f"{HUB}user/name, and {', '.join(BUILT_IN_MODELS)} come with reverie."
        )
    alike = _look_alike(path)
    if alike is not None:
        raise UserError(
            f"{place}: there is no run or model folder of that name; did you mean {alike}? A "
            f"model of that name on the hub is {HUB}{place}."
        )


def refuse_no_hub_name(name: str) -> None:
    """Raise a UserError if `name` cannot be that of a model on the hub."""
    if not re.fullmatch(HUB_NAME, name):
        raise UserError(f"{name}: a model on the hub is named user/name.")


def is_image_folder(path: Path) -> bool:
    """Whether `path` is a folder that is neither a run nor a model."""
    return path.is_dir() and not holds_a_model(path)


def model_folder_of(place: str) -> Path | None:
    """The model folder that a place leads to; None for files and for models on the hub.

    Raises:
        UserError: if the place is a folder without a model, or of a sweep or several runs.
    """
    path = path_of(place)
    if place in BUILT_IN_MODELS and not holds_a_model(path):
        return BUILT_IN_MODELS[place]
    if place.startswith(HUB) or not path.is_dir():
        return None
    if (path / OPTIONS_FILE).exists():
        if not (path / "model").exists():
            raise UserError(
                f"{place}: this run has no model yet; it comes with the first checkpoint."
            )
        return path / "model"
    if not holds_a_model(path):
        refuse_folder_of_runs(path)
        raise UserError(
            f"{place}: {CONFIGURATIONS[0]} is missing; a model folder holds config.json and "
            "model.safetensors."
        )
    return path


def refuse_no_statistics(path: Path | None) -> None:
    """Raise a UserError if there is no file of reference statistics where one is named."""
    if path is not None and not path_of(path).is_file():
        raise UserError(f"{path}: there is no such file of statistics; --save-stats writes one.")


def refuse_runs_alone(place: str) -> None:
    """Raise a UserError if a folder holds no images but runs, of which one is meant."""
    folder = path_of(place)
    if is_image_folder(folder) and not any(p.suffix.lower() in SUFFIXES for p in folder.iterdir()):
        refuse_folder_of_runs(folder)


def refuse_no_figures_file(path: Path | None) -> None:
    """Raise a UserError if figures cannot be written to a file of this name."""
    if path is not None and path.suffix != ".json":
        raise UserError(f"{path}: figures are written as .json.")


def refuse_no_statistics_file(path: Path | None) -> None:
    """Raise a UserError if statistics cannot be written to a file of this name."""
    if path is not None and path.suffix != ".npz":
        raise UserError(f"{path}: statistics are written as .npz.")


def holds_a_model(path: Path) -> bool:
    """Whether `path` is a run, a model folder, or a model in one file."""
    return (
        (path / OPTIONS_FILE).exists()
        or any((path / name).exists() for name in CONFIGURATIONS)
        or is_model_file(path)
    )


def _look_alike(path: Path) -> Path | None:
    """A run or model folder here whose path resembles that of one that does not exist."""
    known: list[str] = []
    top = (folder for folder in islice(Path().iterdir(), MAX_FOLDERS) if folder.is_dir())
    every = (inner for folder in top for inner in (folder, *islice(folder.glob("*/"), MAX_FOLDERS)))
    with suppress(OSError):  # a folder that may not be read holds nothing that was meant
        known += [str(folder) for folder in islice(every, MAX_FOLDERS) if holds_a_model(folder)]
    found = get_close_matches(str(path), known, n=1, cutoff=LIKENESS)
    same_name = [one for one in known if Path(one).name == path.name]
    return next((Path(one) for one in (*found, *same_name)), None)
