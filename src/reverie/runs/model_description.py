"""What the files of a model say of it, read without PyTorch and without its weights.

Whether the weights are what they should be is seen by those who load them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reverie.core.errors import UserError
from reverie.core.files import MAX_JSON_BYTES, parse_json
from reverie.core.options import InvalidValue, NonNegativeInt, coerce, options_from_json
from reverie.core.zip_file import read_zip
from reverie.data.image_spec import ImageSpec
from reverie.methods.index import options_kind
from reverie.methods.index_file import indexed_methods
from reverie.runs.model_place import CONFIG, METADATA, WEIGHTS
from reverie.runs.place import BARE, is_packed


@dataclass(frozen=True)
class ModelDescription:
    """A model by its configuration.

    Args:
        method: the method's name.
        about: what it is.
        verbs: the commands that it can be used with.
        spec: its images.
        parameters: how many each network has.
    """

    method: str
    about: str
    verbs: tuple[str, ...]
    spec: ImageSpec
    parameters: dict[str, int]

    @staticmethod
    def of(place: Path) -> "ModelDescription | None":
        """The description of a model folder or a model in one file.

        None where only loading can say more: for a model of another package, of an older version,
        or one whose files are damaged.
        """
        config = config_of(place)
        known = indexed_methods().get(config.get("method", ""))
        if known is None or config.get("library_name") != "reverie" or not _has_weights(place):
            return None
        try:
            options_from_json(options_kind(config["method"]), config.get("options"))
            spec = options_from_json(ImageSpec, config.get("pictures"))
            parameters = coerce(dict[str, NonNegativeInt], config.get("parameters"))
        except (UserError, InvalidValue):
            return None
        verbs = tuple(known["verbs"])
        return ModelDescription(config["method"], known["about"], verbs, spec, parameters)


def config_of(place: Path) -> dict[str, Any]:
    """The configuration of a model in a folder or in one file; empty if it cannot be read."""
    try:
        if is_packed(place):
            content = read_zip(place, (CONFIG,)).get(CONFIG, b"")
        elif place.is_file():
            content = str(metadata_of(_header(place)).get(METADATA, "")).encode()
        else:
            content = (place / CONFIG).read_bytes()
        found = parse_json(content.decode(errors="replace"))
    except (OSError, ValueError, UserError):
        return {}
    return found if isinstance(found, dict) and isinstance(found.get("method"), str) else {}


def metadata_of(content: bytes) -> Mapping[str, Any]:
    """The metadata of a safetensors file; empty if it has none, or is none."""
    end = 8 + int.from_bytes(content[:8], "little")
    if end > min(len(content), MAX_JSON_BYTES):
        return {}
    try:
        metadata = json.loads(content[8:end]).get("__metadata__", {})
    except (ValueError, AttributeError, RecursionError):
        return {}
    return metadata if isinstance(metadata, dict) else {}


def _header(file: Path) -> bytes:
    """The beginning of a safetensors file, without the weights."""
    with open(file, "rb") as stream:
        size = stream.read(8)
        return size + stream.read(min(int.from_bytes(size, "little"), MAX_JSON_BYTES))


def _has_weights(place: Path) -> bool:
    """Whether a folder has a file of weights with a header that can be read."""
    file = place / WEIGHTS if place.is_dir() else place
    if file.suffix.lower() != BARE:
        return True  # an archive, whose content is compared with its checksums as it is read
    try:
        header = _header(file)
        tensors = parse_json(header[8:].decode(errors="replace"))
        ends = [t["data_offsets"][1] for n, t in tensors.items() if n != "__metadata__"]
        return file.stat().st_size == len(header) + max(ends, default=0)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return False
