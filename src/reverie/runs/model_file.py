"""Models in one file: packed (.zip), or their weights alone (.safetensors)."""

from pathlib import Path
from typing import Any

from reverie.core.errors import UserError
from reverie.core.files import MAX_JSON_BYTES, parse_json
from reverie.core.zip_file import read_zip
from reverie.methods import Method
from reverie.runs.model_description import metadata_of
from reverie.runs.model_folder import ModelFiles, load_model, restored
from reverie.runs.model_place import CONFIG, METADATA, WEIGHTS
from reverie.runs.place import is_packed


def load_model_file(path: Path) -> tuple[str, Method] | None:
    """The model in a file, as `load_model` gives it; None for weights that do not describe a model.

    Raises:
        UserError: if it is damaged, too large, or a packed folder that is no model.
    """
    if is_packed(path):
        found = load_packed(path)
        if found is None:
            raise UserError(f"{path}: there is no model in this archive (no {CONFIG}).")
        return found
    content = path.read_bytes()
    metadata = metadata_of(content)
    if METADATA in metadata:
        return restored(ModelFiles(path, _object(str(metadata[METADATA]), path), content))
    if "facts" in metadata:
        raise UserError(
            f"{path}: this is a checkpoint, from which a training goes on: name the folder of its "
            "run."
        )
    if (path.parent / CONFIG).is_file() and path.name == WEIGHTS:  # of an older version
        return load_model(path.parent)
    return None


def load_packed(path: Path, part: str = "") -> tuple[str, Method] | None:
    """A model in an archive, as `load_model` gives it; None if it is not there.

    Args:
        path: what `reverie pack` wrote, or a model folder that somebody has compressed.
        part: the name of a folder in it: that of a model that was trained for the packed one.

    Raises:
        UserError: if the archive is damaged or too large, or the model is.
    """
    config, weights = (f"{part}/{name}" if part else name for name in (CONFIG, WEIGHTS))
    found = read_zip(path, (CONFIG, config, weights))
    if config not in found:
        return None
    if weights not in found:
        raise UserError(f"{path}: {weights} is missing in this archive.")
    if len(found[config]) > MAX_JSON_BYTES:
        raise UserError(f"{path}: its {config} is too large.")
    return restored(
        ModelFiles(path, _object(found[config].decode(errors="replace"), path), found[weights])
    )


def _object(text: str, path: Path) -> dict[str, Any]:
    """The configuration of a model, from its JSON."""
    try:
        content = parse_json(text)
    except ValueError as error:
        raise UserError(f"{path}: its description of the model cannot be read ({error}).") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: its description of the model must be one JSON object.")
    return content
