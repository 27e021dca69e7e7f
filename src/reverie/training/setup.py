"""Training setup: budget, learning-rate schedule, accelerator."""

import math
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, ThreadLocalSharedDict
from accelerate.utils import LoggerType

from reverie.core.device import runs_on_cpu
from reverie.core.errors import UserError
from reverie.core.precision import bf16_is_native
from reverie.core.trackers import refuse_no_tracker
from reverie.methods.recipe import DEFAULT_STEPS, TrainOptions
from reverie.runs.checkpoint import Checkpoint
from reverie.runs.run import Run
from reverie.training.optimizers import check_optimizer, check_registered
from reverie.training.schedules import SCHEDULES, factor_of
from reverie.training.state import Counters

# Accelerate keeps one state for all trainings of a process, with their precision: now one a thread.
AcceleratorState._shared_state = ThreadLocalSharedDict()  # pyright: ignore[reportAttributeAccessIssue]

_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True)
class Budget:
    """Length of a training, in steps or in seconds."""

    steps: int | None
    seconds: float | None

    @staticmethod
    def of(options: TrainOptions, image_count: int, processes: int) -> "Budget":
        """Budget from `steps`, `epochs` or `minutes`.

        Raises:
            UserError: if more than one of them is given.
        """
        if options.minutes is not None:
            return Budget(None, options.minutes * 60)
        if options.epochs is not None:
            a_step = options.batch_size * options.accumulate * processes
            return Budget(math.ceil(options.epochs * image_count / a_step), None)
        return Budget(DEFAULT_STEPS if options.steps is None else options.steps, None)

    def fraction(self, counters: Counters) -> float:
        """Fraction of the training that is done, from 0 to 1."""
        done = counters.step / max(self.steps, 1) if self.steps is not None else 0.0
        if self.seconds is not None:
            done = counters.seconds / max(self.seconds, 1e-9)
        return min(done, 1.0) if self.steps != 0 else 1.0


def refuse_shorter(
    options: TrainOptions,
    before: TrainOptions,
    image_count: int,
    processes: int,
    checkpoint: Checkpoint,
) -> None:
    """Raise a UserError if a run would be resumed to end before its checkpoint.

    Training ends with the step in which its minutes are over, a little after them, so that those
    of the run itself are never too few.

    Args:
        options: with which it is to go on.
        before: with which it was trained until now.
        image_count: images of the dataset.
        processes: that train together.
        checkpoint: the newest one.
    """
    budget = Budget.of(options, image_count, processes)
    if budget.steps is not None and budget.steps < checkpoint.step:
        raise UserError(
            f"this run has already {checkpoint.step:,} steps, and a length of {budget.steps:,} was "
            "asked for: give a longer one, or leave it out."
        )
    trained = float(checkpoint.facts["seconds"])
    if (
        budget.seconds is not None
        and options.minutes != before.minutes
        and budget.seconds < trained
    ):
        raise UserError(
            f"this run has been trained for {trained / 60:.4g} minutes already, and a length of "
            f"{budget.seconds / 60:.4g} was asked for: give a longer one, or leave it out."
        )


def learning_rate(base: float, options: TrainOptions, step: int, fraction: float) -> float:
    """The learning rate at `step`, when `fraction` of the training is done."""
    if options.schedule is not None:
        return base * factor_of(options.schedule, step, fraction)
    rate = base * min(1.0, (step + 1) / options.warmup_steps if options.warmup_steps else 1.0)
    past = max(0.0, fraction - options.decay_from) / max(1e-9, 1.0 - options.decay_from)
    if options.decay == "linear":
        rate *= 1 - past
    elif options.decay == "cosine":
        rate *= 0.5 * (1 + math.cos(math.pi * past))
    return rate


def check_available(options: TrainOptions) -> None:
    """Raise a UserError if device, precision, optimizer, schedule or tracker is not available."""
    check_optimizer(options.optimizer)
    if options.schedule is not None:
        check_registered(SCHEDULES, options.schedule)
        factor_of(options.schedule, 0, 0.0)
    trackers = [str(tracker.value) for tracker in LoggerType]
    for name in options.track:
        refuse_no_tracker(name, trackers)
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    present = {"auto": True, "cpu": True, "cuda": cuda, "mps": mps}
    if not present[options.device]:
        raise UserError(f"PyTorch finds no {options.device} device: use --device auto.")
    if runs_on_cpu(options.device) and options.precision == "fp16":
        raise UserError("fp16 needs a GPU: use --precision auto, bf16 or fp32 on a CPU.")


def make_accelerator(options: TrainOptions, run: Run) -> Accelerator:
    """Accelerator with the device, precision and trackers of the options.

    Raises:
        UserError: if the device or precision is not available, or a tracker is not installed.
    """
    check_available(options)
    cpu, precision = runs_on_cpu(options.device), options.precision
    if precision == "auto":
        precision = "bf16" if bf16_is_native("cpu" if cpu else "cuda") else "fp32"
    with _ONE_AT_A_TIME:  # of the first, which finds out device and processes
        AcceleratorState._reset_state(reset_partial_state=False)
        return Accelerator(
            cpu=cpu,
            mixed_precision="no" if precision == "fp32" else precision,
            log_with=list(options.track) or None,
            project_dir=run.folder,
        )


@contextmanager
def autocast(accelerator: Accelerator) -> Iterator[None]:
    """Context of a loss in the accelerator's precision, one at a time below fp32.

    PyTorch keeps the weights that autocast has converted in one table for all threads and empties
    it when any thread leaves autocast. In the middle of another training's loss, that changes how
    the gradients of its weights are rounded.
    """
    with _ONE_AT_A_TIME if accelerator.native_amp else nullcontext(), accelerator.autocast():
        yield


def backward_context(options: TrainOptions) -> AbstractContextManager[object]:
    """Context of a backward pass, which enters autocast again where it checkpoints gradients."""
    return _ONE_AT_A_TIME if options.gradient_checkpointing else nullcontext()
