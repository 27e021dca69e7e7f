"""The files of a model folder, by name; without PyTorch."""

import contextlib
from pathlib import Path

from reverie.methods import METHODS, PRETRAINED

CONFIG, WEIGHTS, CARD = "config.json", "model.safetensors", "README.md"
"""The files of a model folder."""

METADATA = "reverie"
"""Under which the file of weights holds the configuration as well, so that it can be used alone."""


def remove_model(folder: Path) -> None:
    """Delete the files of a model folder, and the folder if nothing else is in it."""
    for name in (CONFIG, CARD, WEIGHTS):
        (folder / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        folder.rmdir()


def plugin_of(method_name: str) -> dict[str, str]:
    """Where a method comes from, as files name it; empty if it is built in.

    `package` is what to install; `class` is what to import and register, where that was done by
    hand.
    """
    if method_name in PRETRAINED:
        return {}
    origin = {
        "package": METHODS.package_of(method_name),
        "class": METHODS.registered_class(method_name),
    }
    return {key: value for key, value in origin.items() if value is not None}
