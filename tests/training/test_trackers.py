from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from reverie.core import image_io
from reverie.training.trackers import log_sheets


class Tracker:
    """Takes down what it is given, as a tracker of Accelerate called `name`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.given: list[Any] = []

    def log_images(self, values: Any, step: int, **more: Any) -> None:
        self.given.append((values, step, more))

    def log_artifact(self, path: str, artifact_path: str) -> None:
        self.given.append((path, artifact_path))


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    path = tmp_path / "step-000010.png"
    image_io.save_sheet(torch.linspace(-1, 1, 4 * 3 * 8 * 8).view(4, 3, 8, 8), path, 2)
    return path


def test_each_tracker_gets_them_in_its_form(sheet: Path) -> None:
    trackers = [Tracker(name) for name in ("tensorboard", "wandb", "mlflow", "clearml")]
    accelerator: Any = SimpleNamespace(trackers=trackers)
    log_sheets(accelerator, {"samples": sheet}, 10)
    pixels = image_io.read(sheet)
    ((values, step, more),) = trackers[0].given
    assert (step, more, values["samples"].dtype) == (10, {"dataformats": "NHWC"}, np.uint8)
    assert np.array_equal(values["samples"], pixels[None])
    ((values, step, more),) = trackers[1].given
    assert (step, more) == (10, {})
    assert np.array_equal(values["samples"][0], pixels)
    assert trackers[2].given == [(str(sheet), "samples")]
    assert trackers[3].given == []
