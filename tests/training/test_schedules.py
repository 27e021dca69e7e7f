import math
from pathlib import Path
from typing import Any

import pytest
import torch

import reverie
from reverie.core.errors import UserError
from reverie.methods.recipe import TrainOptions
from reverie.runs.run import Run
from reverie.training.schedules import SCHEDULES, factor_of
from reverie.training.setup import learning_rate

SMALL: dict[str, Any] = {"data": "digits", "hidden": (8,), "batch_size": 4, "log_every": 1}


def test_one_cycle_is_pytorchs() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    steps = 1001
    theirs = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 1.0, total_steps=steps, div_factor=25, final_div_factor=1e9, pct_start=0.3003003
    )
    for step in range(steps):
        ours = factor_of("one-cycle", step, step / (steps - 1))
        assert ours == pytest.approx(theirs.get_last_lr()[0], abs=2e-3)
        if step < steps - 1:
            optimizer.step()
            theirs.step()


@pytest.mark.parametrize(("step", "factor"), [(0, 1), (1000, 1), (4000, 0.5), (100_000, 0.1)])
def test_the_inverse_root(step: int, factor: float) -> None:
    assert factor_of("inverse-sqrt", step, 0.5) == pytest.approx(factor)


def test_it_stands_in_place_of_warm_up_and_decay() -> None:
    options = TrainOptions(schedule="inverse-sqrt", warmup_steps=10**6, decay="linear")
    assert learning_rate(0.2, options, 4000, 1.0) == pytest.approx(0.1)


def falling(step: int, fraction: float) -> float:
    return 1 / (step + 1)


def test_a_function(tmp_path: Path) -> None:
    out = tmp_path / "run"
    reverie.train("vae", out=out, steps=3, schedule=falling, learning_rate=0.1, **SMALL)
    rates = [line["learning_rate"] for line in Run(out).read_log()]
    assert rates == pytest.approx([0.1, 0.1 / 2, 0.1 / 3])
    assert Run(out).recipe().training.schedule in SCHEDULES


@pytest.mark.parametrize("returned", ["a", None, math.nan, -1.0])
def test_what_is_no_factor_is_refused_before(tmp_path: Path, returned: Any) -> None:
    with pytest.raises(UserError, match="must return a finite number of at least 0"):
        reverie.train("vae", out=tmp_path / "run", schedule=lambda s, f: returned, **SMALL)
    with pytest.raises(UserError, match=r"cannot be used: it is no function of \(step, fraction\)"):
        reverie.train("vae", out=tmp_path / "run", schedule=lambda step: 1.0, **SMALL)
    assert not (tmp_path / "run").exists()
