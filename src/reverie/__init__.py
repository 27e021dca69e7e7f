"""reverie: train image generators and image translators on your own pictures, and use them.

Names are imported when they are first used, so that `reverie --help` does not wait for PyTorch.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reverie.api import (
        compare,
        dream,
        edit,
        evaluate,
        import_weights,
        interpolate,
        load,
        reconstruct,
        sample,
        train,
        translate,
        upscale,
    )
    from reverie.core import image_io as images
    from reverie.core.errors import UserError
    from reverie.methods import METHODS

_HOMES = {
    "METHODS": "reverie.methods",
    "UserError": "reverie.core.errors",
    "compare": "reverie.api",
    "dream": "reverie.api",
    "edit": "reverie.api",
    "evaluate": "reverie.api",
    "import_weights": "reverie.api",
    "interpolate": "reverie.api",
    "load": "reverie.api",
    "reconstruct": "reverie.api",
    "sample": "reverie.api",
    "train": "reverie.api",
    "translate": "reverie.api",
    "upscale": "reverie.api",
}

__all__ = [
    "METHODS",
    "UserError",
    "compare",
    "dream",
    "edit",
    "evaluate",
    "images",
    "import_weights",
    "interpolate",
    "load",
    "reconstruct",
    "sample",
    "train",
    "translate",
    "upscale",
]


def __getattr__(name: str) -> Any:
    if name == "images":
        return importlib.import_module("reverie.core.image_io")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'reverie' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
