"""Callbacks: code of users that a training calls.

    class Best(reverie.Callback):
        def on_log(self, training, line):
            if line["losses"]["bound"] < 130:
                raise reverie.StopTraining("good enough")

    reverie.train("vae", data="digits", out="runs/a", callbacks=[Best()])

They are called in the main process only, after the step, so what they do costs no training time and
a training without any costs nothing. Randomness of a training is its own: random numbers that a
callback draws change nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from inspect import signature
from pathlib import Path
from typing import Any, TypeVar

import torch
from accelerate.optimizer import AcceleratedOptimizer
from torch import nn

from reverie.core import progress
from reverie.core.errors import UserError
from reverie.core.options import InvalidValue, coerce
from reverie.core.signatures import takes
from reverie.methods import Method
from reverie.runs.run import Run
from reverie.training.state import Counters, TrainState

T = TypeVar("T")


class StopTraining(Exception):
    """Raised by a callback: the training ends after this step, as by early stopping.

    Checkpoint, model and report are written, and the run counts as finished; `resume=True` with
    a length goes on. The text is printed.
    """


@dataclass(frozen=True)
class Training:
    """What a callback sees of a training.

    Args:
        run: its folder.
        state: networks, optimizers and EMA weights.
        counters: steps and seconds so far.
        fraction: how much of it is done, from 0 to 1.
    """

    run: Run
    state: TrainState
    counters: Counters
    fraction: float

    @property
    def step(self) -> int:
        """Steps so far."""
        return self.counters.step

    @property
    def seconds(self) -> float:
        """Training time so far, without that of sheets, checkpoints and callbacks."""
        return self.counters.seconds

    @property
    def method(self) -> Method:
        """The networks that are trained; it has no gradients between steps."""
        return self.state.method

    @property
    def averaged(self) -> Method:
        """The networks for inference, with EMA weights; not to be changed."""
        return self.state.finished_method()

    @property
    def learning_rate(self) -> float:
        """Of the last update."""
        return self.state.learning_rate_now()

    @property
    def optimizers(self) -> dict[tuple[nn.Module, ...], torch.optim.Optimizer]:
        """The optimizer of each group of networks."""
        return {
            networks: one.optimizer if isinstance(one, AcceleratedOptimizer) else one
            for networks, one in self.state.optimisers.items()
        }


class Callback:
    """Base class of callbacks: each of these is called, and does nothing here.

    Any of them may raise `StopTraining`. Another exception ends the training as it is: what was
    saved stays, and the run can be resumed.
    """

    def on_begin(self, training: Training) -> None:
        """Before the first step, also of a run that is resumed."""

    def on_step(self, training: Training) -> None:
        """After each step."""

    def on_log(self, training: Training, line: Mapping[str, Any]) -> Mapping[str, float] | None:
        """Before a line of the log is written, with its `losses` among others.

        Returns:
            Numbers by name, which are logged, drawn in the report and given to trackers; or None.
        """

    def on_sample(self, training: Training, sheets: Mapping[str, Path]) -> None:
        """After preview sheets were written: their files by kind, `samples` among them."""

    def on_checkpoint(self, training: Training) -> None:
        """After a checkpoint and the model so far were written."""

    def on_end(self, training: Training) -> None:
        """After the last step, before the report: also where a signal has stopped the training."""


class Callbacks:
    """Several callbacks as one."""

    def __init__(self, callbacks: Sequence[Callback]) -> None:
        self._callbacks = callbacks
        self.stopped = False

    def __bool__(self) -> bool:
        return bool(self._callbacks)

    def each(self, call: Callable[[Callback], T]) -> list[T]:
        """Call something of each; those that raise `StopTraining` have no result."""
        results = []
        for callback in self._callbacks:
            try:
                results.append(call(callback))
            except StopTraining as stop:
                if not self.stopped:
                    progress.say(f"{type(callback).__name__} stops the training: {stop}")
                self.stopped = True
        return results

    def numbers(self, training: Training, line: Mapping[str, Any]) -> dict[str, float]:
        """What the callbacks add to a line of the log.

        Raises:
            UserError: if one returns anything but numbers by name.
        """
        merged: dict[str, float] = {}
        for found in self.each(lambda callback: callback.on_log(training, line)):
            try:
                merged |= coerce(dict[str, float], {} if found is None else found)
            except InvalidValue as invalid:
                raise UserError(f"on_log must return numbers by name: {invalid}.") from None
        return merged


def checked_callbacks(callbacks: object) -> tuple[Callback, ...]:
    """The callbacks of `train(callbacks=...)`.

    Raises:
        UserError: if they are no list of `Callback`s, or a method is misspelt.
    """
    found: list[Callback] = []
    for one in callbacks if isinstance(callbacks, list | tuple) else [callbacks]:
        if not isinstance(one, Callback):
            hint = " Make an object of the class." if isinstance(one, type) else ""
            raise UserError(
                f"callbacks must be a list of reverie.Callback objects, not {one!r}.{hint}"
            )
        _refuse_misspelt(one)
        _refuse_other_arguments(one)
        found.append(one)
    return tuple(found)


def _refuse_other_arguments(callback: Callback) -> None:
    """Raise a UserError if a method cannot be called with what its event hands over."""
    for event, method in vars(Callback).items():
        if not event.startswith("on_"):
            continue
        wanted = list(signature(method).parameters)
        if not takes(getattr(callback, event), len(wanted) - 1):
            kind, given = type(callback).__name__, f"def {event}({', '.join(wanted)})"
            raise UserError(f"{kind}.{event} cannot take what it is given: {given}.")


def _refuse_misspelt(callback: Callback) -> None:
    """Raise a UserError if a method would never be called, because its event has another name."""
    events = [name for name in vars(Callback) if name.startswith("on_")]
    for name in dir(callback):
        close = get_close_matches(name, events, 1, 0.75) if name.startswith("on_") else []
        if close and name not in events:
            kind = type(callback).__name__
            raise UserError(f"{kind} has a method {name!r}; did you mean {close[0]!r}?")
