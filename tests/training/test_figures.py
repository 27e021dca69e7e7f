import math
from pathlib import Path

import pytest

from reverie.data import ImageSpec
from reverie.runs.model_folder import build_method
from reverie.runs.run import Run
from reverie.training.figures import (
    Spread,
    figures_of,
    loss_curves,
    parameter_count,
    spread_of,
    steps_per_epoch,
    validation_curves,
)
from tests.training.test_report import LINE, begin


def logged(tmp_path: Path) -> Run:
    run = begin(tmp_path / "run", hidden=(8,), latent_size=2, batch_size=8)
    for step in range(1, 21):
        line = {"step": step, "seconds": 6.0 * step, "images_seen": 8 * step}
        run.log(LINE | line | {"losses": {"bound": float(step), "bound/kl": 1.0}})
    for step, distance in ((5, 9.0), (10, 3.0), (15, 6.0)):
        run.log_evaluation({"step": step, "figures": {"frechet_distance[x]": distance, "a": 1.0}})
    return run


def test_the_figures_of_a_run(tmp_path: Path) -> None:
    found = figures_of(logged(tmp_path))
    weights = 784 * 8 + 8 + 8 * 4 + 4 + 2 * 8 + 8 + 8 * 784 + 784
    assert found == {
        "best frechet_distance[x]": 3.0,
        "best a": 1.0,
        "final frechet_distance[x]": 6.0,
        "final a": 1.0,
        "loss bound": 19.5,  # the last two of twenty
        "steps": 20,
        "epochs": 160 / 8000,
        "minutes": 2.0,
        "parameters": weights,
    }


def test_before_anything_is_logged(tmp_path: Path) -> None:
    run = begin(tmp_path / "run")
    assert list(figures_of(run)) == ["parameters"]
    assert loss_curves(Run(tmp_path / "none"), "x").points == {}
    assert steps_per_epoch(run, run.read_log()) == 1.0


def test_parameters_are_those_of_the_networks(tmp_path: Path) -> None:
    run = begin(tmp_path / "run", hidden=(16, 8))
    method = build_method(run.recipe(), ImageSpec(1, 28))
    assert parameter_count(run) == sum(one.numel() for one in method.parameters())


def test_curves_of_a_run(tmp_path: Path) -> None:
    run = logged(tmp_path)
    assert loss_curves(run, "x").points["bound"][:2] == [(1, 1.0), (2, 2.0)]
    assert validation_curves(run, "x").points["a"] == [(5, 1.0), (10, 1.0), (15, 1.0)]
    assert steps_per_epoch(run, run.read_log()) == 1000  # 8,000 images in batches of 8


def test_mean_and_spread() -> None:
    found = spread_of([{"a": 1.0, "b": 5.0}, {"a": 2.0, "b": math.nan}, {"a": 6.0}])
    assert found["a"] == Spread(3.0, pytest.approx(7**0.5), 3)  # (4 + 1 + 9) / 2
    assert found["b"] == Spread(5.0, None, 1)
    assert spread_of([{"c": math.nan}]) == {}
