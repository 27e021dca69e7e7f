"""reverie: train image generators, translators and upscalers on your own images, and use them.

Names are imported when they are first used, so that `reverie --help` does not wait for PyTorch.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reverie.api import dream as dream
    from reverie.api import edit as edit
    from reverie.api import evaluate as evaluate
    from reverie.api import export as export
    from reverie.api import import_weights as import_weights
    from reverie.api import interpolate as interpolate
    from reverie.api import load as load
    from reverie.api import reconstruct as reconstruct
    from reverie.api import sample as sample
    from reverie.api import sweep as sweep
    from reverie.api import train as train
    from reverie.api import translate as translate
    from reverie.api import upscale as upscale
    from reverie.core import image_io as images  # noqa: F401
    from reverie.core.errors import UserError as UserError
    from reverie.data.sets import DATASETS as DATASETS
    from reverie.evaluation.match import match as match
    from reverie.experiments import EXPERIMENTS as EXPERIMENTS
    from reverie.experiments.reproduce import reproduce as reproduce
    from reverie.exports.hub import pull as pull
    from reverie.exports.hub import push as push
    from reverie.exports.pack import pack as pack
    from reverie.inference.info import info as info
    from reverie.methods import METHODS as METHODS
    from reverie.nn.backbones import BACKBONES as BACKBONES
    from reverie.runs.removal import remove_runs as remove_runs
    from reverie.runs.removal import restore_runs as restore_runs
    from reverie.runs.run_list import list_runs as list_runs
    from reverie.runs.run_list import show as show
    from reverie.training.callbacks import Callback as Callback
    from reverie.training.callbacks import StopTraining as StopTraining
    from reverie.training.comparison import compare as compare
    from reverie.training.optimizers import OPTIMIZERS as OPTIMIZERS
    from reverie.training.report import report as report
    from reverie.training.schedules import SCHEDULES as SCHEDULES

_HOMES = {
    "BACKBONES": "reverie.nn.backbones",
    "DATASETS": "reverie.data.sets",
    "Callback": "reverie.training.callbacks",
    "METHODS": "reverie.methods",
    "OPTIMIZERS": "reverie.training.optimizers",
    "report": "reverie.training.report",
    "SCHEDULES": "reverie.training.schedules",
    "StopTraining": "reverie.training.callbacks",
    "UserError": "reverie.core.errors",
    "EXPERIMENTS": "reverie.experiments",
    "reproduce": "reverie.experiments.reproduce",
    "compare": "reverie.training.comparison",
    "info": "reverie.inference.info",
    "match": "reverie.evaluation.match",
    "pack": "reverie.exports.pack",
    "pull": "reverie.exports.hub",
    "push": "reverie.exports.hub",
    "list_runs": "reverie.runs.run_list",
    "show": "reverie.runs.run_list",
    "remove_runs": "reverie.runs.removal",
    "restore_runs": "reverie.runs.removal",
    **dict.fromkeys(
        ["dream", "edit", "evaluate", "export", "import_weights", "interpolate",
         "load", "reconstruct", "sample", "sweep", "train", "translate", "upscale"],
        "reverie.api",
    ),
}  # fmt: skip
"""Every public name and the module that defines it."""

__all__ = sorted([*_HOMES, "images"])  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name == "images":
        return importlib.import_module("reverie.core.image_io")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'reverie' has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
