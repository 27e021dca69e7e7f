import math
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from hypothesis import given
from hypothesis import strategies as st

from reverie.core.errors import UserError
from reverie.core.precision import bf16_is_native
from reverie.methods.recipe import TrainOptions
from reverie.runs.run import Run
from reverie.training.setup import autocast, learning_rate, make_accelerator


@given(
    step=st.integers(0, 50),
    fraction=st.floats(0, 1),
    warmup=st.integers(0, 20),
    decay=st.sampled_from(["none", "linear", "cosine"]),
    start=st.sampled_from([0.0, 0.3, 0.5, 0.9]),
)
def test_the_learning_rate_as_an_equation(
    step: int, fraction: float, warmup: int, decay: str, start: float
) -> None:
    options = TrainOptions(warmup_steps=warmup, decay=decay, decay_from=start)  # type: ignore[arg-type]
    rate = learning_rate(2e-4, options, step, fraction)
    expected = 2e-4
    if step + 1 < warmup:
        expected *= (step + 1) / warmup
    if fraction > start and decay != "none":
        past = (fraction - start) / (1 - start)
        expected *= 1 - past if decay == "linear" else math.cos(math.pi * past / 2) ** 2
    assert rate == pytest.approx(expected, abs=1e-12)


def test_the_cosine_is_pytorchs() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=20)
    options = TrainOptions(decay="cosine", decay_from=0.0)
    for step in range(20):
        rate = learning_rate(0.3, options, step, step / 20)
        assert rate == pytest.approx(schedule.get_last_lr()[0], abs=1e-9)
        optimizer.step()
        schedule.step()


@pytest.mark.parametrize("decay", ["linear", "cosine"])
def test_the_rate_is_zero_at_the_end(decay: str) -> None:
    options = TrainOptions(decay=decay)  # type: ignore[arg-type]
    assert learning_rate(1.0, options, 10**6, 1.0) == pytest.approx(0, abs=1e-12)
    options = TrainOptions(decay=decay, decay_from=1.0)  # type: ignore[arg-type]
    assert learning_rate(1.0, options, 10**6, 1.0) == 1.0


def test_an_accelerator_of_the_options(tmp_path: Path) -> None:
    run = Run(tmp_path)
    accelerator = make_accelerator(TrainOptions(device="cpu", precision="fp32"), run)
    assert accelerator.device.type == "cpu"
    assert accelerator.mixed_precision == "no"
    accelerator = make_accelerator(TrainOptions(device="cpu", precision="bf16"), run)
    assert accelerator.mixed_precision == "bf16"  # another training, another precision
    accelerator = make_accelerator(TrainOptions(device="cpu"), run)
    assert accelerator.mixed_precision == ("bf16" if bf16_is_native("cpu") else "no")


def test_what_is_not_there_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    for options, words in (
        (TrainOptions(device="cuda"), "PyTorch finds no cuda device: use --device auto"),
        (TrainOptions(device="mps"), "PyTorch finds no mps device"),
        (TrainOptions(precision="fp16"), "fp16 needs a GPU"),
        (TrainOptions(track=("wandbb",)), "no tracker 'wandbb'; did you mean 'wandb'"),
    ):
        with pytest.raises(UserError, match=words):
            make_accelerator(options, Run(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match="tracker wandb is not installed: pip install wandb"):
        make_accelerator(TrainOptions(track=("wandb",)), Run(tmp_path))


def in_a_thread(job: Callable[[], object], seconds: float | None = None) -> threading.Thread:
    """A thread that does a job, once it has ended or the seconds have passed."""
    thread = threading.Thread(target=job)
    thread.start()
    thread.join(seconds)
    return thread


def test_each_thread_has_its_own_precision(tmp_path: Path) -> None:
    def product(accelerator: Accelerator) -> torch.dtype:
        with autocast(accelerator):
            return (torch.ones(2, 2) @ torch.ones(2, 2)).dtype

    def train(precision: Any, dtype: torch.dtype) -> None:
        options = TrainOptions(precision=precision, device="cpu")
        accelerator = make_accelerator(options, Run(tmp_path / precision))
        found.append(product(accelerator) is dtype)

    found = []
    mine = make_accelerator(TrainOptions(precision="fp32", device="cpu"), Run(tmp_path / "mine"))
    in_a_thread(lambda: train("fp32", torch.float32))
    in_a_thread(lambda: train("bf16", torch.bfloat16))
    assert found == [True, True]
    assert mine.mixed_precision == "no"
    assert product(mine) is torch.float32


def test_one_thread_at_a_time_computes_below_fp32(tmp_path: Path) -> None:
    """The gradients of a layer that is used twice are rounded as without the other thread."""
    options, run = TrainOptions(precision="bf16", device="cpu"), Run(tmp_path / "run")
    accelerator = make_accelerator(options, run)

    def other() -> None:
        with autocast(make_accelerator(options, run)):
            pass

    def gradient(between: Callable[[], object]) -> torch.Tensor:
        generator = torch.Generator().manual_seed(0)
        weight = torch.randn(32, 32, generator=generator).requires_grad_()
        one, two = torch.randn(2, 500, 32, generator=generator)
        with autocast(accelerator):
            first = (one @ weight).square().mean()
            between()
            loss = first + (two @ weight).sin().mean()
        loss.backward()
        assert weight.grad is not None
        return weight.grad

    waiting = []
    expected = gradient(lambda: None)
    got = gradient(lambda: waiting.append(in_a_thread(other, 0.5)))
    assert torch.equal(got, expected)
    waiting[0].join(10)
    assert not waiting[0].is_alive()
