import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import reverie
from reverie.core.errors import UserError
from reverie.methods import MethodOptions
from reverie.runs.run import Run
from reverie.training.optimizers import OPTIMIZERS, check_optimizer, make_optimizer

SMALL: dict[str, Any] = {"data": "digits", "hidden": (8,), "batch_size": 4, "precision": "fp32"}


def small_rate(parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=1e-5, momentum=0.5)


def by_options(parameters: list[nn.Parameter], options: MethodOptions) -> torch.optim.Optimizer:
    return torch.optim.Adagrad(parameters, options.learning_rate)


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("adam", torch.optim.Adam, {"betas": (0.3, 0.8)}),
        ("adamw", torch.optim.AdamW, {"betas": (0.3, 0.8)}),
        ("sgd", torch.optim.SGD, {"momentum": 0.3}),
        ("rmsprop", torch.optim.RMSprop, {"alpha": 0.8}),
    ],
)
def test_by_name(name: str, kind: type, expected: dict[str, Any]) -> None:
    options = MethodOptions(learning_rate=0.01, beta1=0.3, beta2=0.8)
    made = make_optimizer(name, [nn.Parameter(torch.zeros(2))], options)
    assert type(made) is kind
    assert {k: made.defaults[k] for k in expected} == expected
    assert (made.param_groups[0]["lr"], made.param_groups[0]["relative_rate"]) == (0.01, 1.0)


@pytest.mark.parametrize("optimizer", ["sgd", small_rate, torch.optim.NAdam, torch.optim.Adafactor])
def test_a_resumed_run_ends_in_the_same_weights(
    tmp_path: Path, optimizer: str | Callable[..., Any]
) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    reverie.train("vae", out=whole, steps=4, optimizer=optimizer, **SMALL)
    reverie.train("vae", out=parts, steps=2, optimizer=optimizer, **SMALL)
    reverie.train("vae", out=parts, steps=4, optimizer=optimizer, resume=True)
    assert torch.equal(reverie.load(whole).sample(4), reverie.load(parts).sample(4))


def test_a_step_is_the_functions_own(tmp_path: Path) -> None:
    """SGD moves by rate × gradient: a function's own rate, times warm-up and decay."""
    rates = []

    class Rates(reverie.Callback):
        def on_step(self, training: Any) -> None:
            rates.append(training.learning_rate)

    options = SMALL | {"steps": 4, "warmup_steps": 2, "callbacks": [Rates()]}
    reverie.train("vae", out=tmp_path / "a", optimizer=small_rate, **options)
    assert rates == pytest.approx([0.5e-5, 1e-5, 1e-5, 1e-5])
    assert Run(tmp_path / "a").recipe().training.optimizer.endswith("test_optimizers.small_rate")
    rates.clear()
    reverie.train("vae", out=tmp_path / "b", optimizer=by_options, learning_rate=1e-4, **options)
    assert rates == pytest.approx([0.5e-4, 1e-4, 1e-4, 1e-4])


def test_another_optimizer_is_another_training(tmp_path: Path) -> None:
    reverie.train("vae", out=tmp_path / "run", steps=1, optimizer=small_rate, **SMALL)
    with pytest.raises(UserError, match=r"started with --optimizer .*small_rate, not sgd"):
        reverie.train(out=tmp_path / "run", resume=True, optimizer="sgd")


def test_one_that_was_registered_has_a_name(tmp_path: Path) -> None:
    OPTIMIZERS.register("half", functools.partial(torch.optim.SGD, lr=0.5))
    reverie.train("vae", out=tmp_path / "run", steps=1, optimizer="half", **SMALL)
    assert Run(tmp_path / "run").recipe().training.optimizer == "half"


@pytest.mark.parametrize(
    ("optimizer", "message"),
    [
        ("adamm", "no optimizer 'adamm'; did you mean 'adam'"),
        ("mine.best", "'mine.best' is a function of Python that this process does not know"),
        (3, "must be a name or a function, not 3"),
        (lambda parameters: None, "must return a torch.optim.Optimizer, not a NoneType"),
        (torch.optim.LBFGS, "needs a closure"),
        (lambda: None, r"no function of \(parameters\) or \(parameters, options\)"),
    ],
)
def test_what_cannot_be_used_is_refused_before(
    tmp_path: Path, optimizer: Any, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        reverie.train("vae", out=tmp_path / "run", optimizer=optimizer, **SMALL)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd", "rmsprop"])
def test_every_name_can_step(name: str) -> None:
    check_optimizer(name)
