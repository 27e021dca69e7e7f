"""The names under which models are served. Nothing here imports PyTorch."""

import re
from collections.abc import Sequence
from pathlib import Path

from reverie.core.errors import UserError
from reverie.core.files import path_of


def short_names(places: Sequence[str]) -> dict[str, str]:
    """The places of models by the short names under which they are served.

    Raises:
        UserError: if two have the same name, or one has none.
    """
    found: dict[str, str] = {}
    for place in places:
        name = _short_name(place)
        if name in found:
            raise UserError(
                f"{found[name]} and {place} would both be served as {name!r}: rename one of the "
                "folders, or serve one of them at another port."
            )
        found[name] = place
    return found


def _short_name(place: str) -> str:
    """The name of a folder, of a file without its suffix, or of a model on the hub."""
    name = path_of(place).resolve().name
    if Path(name).suffix in (".pth", ".pt", ".safetensors", ".zip"):
        name = Path(name).stem
    if not re.fullmatch(r"[^\s/?#%\x00-\x1f]+", name):
        raise UserError(
            f"{place}: a model is served under the name of its folder, which cannot be {name!r}: "
            "rename it to letters, digits, dots and hyphens."
        )
    return name
