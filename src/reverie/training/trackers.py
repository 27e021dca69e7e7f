"""Preview sheets for experiment trackers, which get numbers from Accelerate."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from accelerate import Accelerator

from reverie.core import image_io


def log_sheets(accelerator: Accelerator, sheets: Mapping[str, Path], step: int) -> None:
    """Give preview sheets to each tracker that takes images.

    Args:
        accelerator: has the trackers that were begun.
        sheets: PNG files by kind.
        step: the step that they are of.
    """
    for tracker in accelerator.trackers:
        log = TRACKERS.get(tracker.name)
        if log is not None:
            log(tracker, sheets, step)


def _to_tensorboard(tracker: Any, sheets: Mapping[str, Path], step: int) -> None:
    images = {kind: image_io.read(path)[None] for kind, path in sheets.items()}
    tracker.log_images(images, step=step, dataformats="NHWC")


def _to_wandb(tracker: Any, sheets: Mapping[str, Path], step: int) -> None:
    images = {kind: [image_io.read(path)] for kind, path in sheets.items()}
    tracker.log_images(images, step=step)


def _to_mlflow(tracker: Any, sheets: Mapping[str, Path], step: int) -> None:
    for path in sheets.values():  # whose names have the step
        tracker.log_artifact(str(path), artifact_path="samples")


TRACKERS: dict[str, Callable[[Any, Mapping[str, Path], int], None]] = {
    "tensorboard": _to_tensorboard,
    "wandb": _to_wandb,
    "mlflow": _to_mlflow,
}
"""How sheets are given to trackers, by the name that Accelerate calls them."""
