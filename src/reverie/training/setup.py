"""Training setup: budget, learning-rate schedule, accelerator."""

import math
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, ThreadLocalSharedDict
from accelerate.utils import LoggerType

from reverie.core.device import runs_on_cpu
from reverie.core.errors import UserError
from reverie.core.precision import bf16_is_native
from reverie.core.trackers import refuse_broken_tracker, refuse_no_tracker
from reverie.methods.recipe import TrainOptions
from reverie.runs.run import Run
from reverie.training.optimizers import check_optimizer, check_registered
from reverie.training.schedules import SCHEDULES, factor_of

# Accelerate keeps one state for all trainings of a process, with their precision: now one a thread.
AcceleratorState._shared_state = ThreadLocalSharedDict()  # pyright: ignore[reportAttributeAccessIssue]

_ONE_AT_A_TIME = threading.Lock()


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


def known_trackers() -> list[str]:
    """The trackers of Accelerate by name; its "all" is none."""
    return sorted(str(tracker.value) for tracker in LoggerType if tracker is not LoggerType.ALL)


def check_available(options: TrainOptions) -> None:
    """Raise a UserError if device, precision, optimizer, schedule or tracker is not available."""
    check_optimizer(options.optimizer)
    if options.schedule is not None:
        check_registered(SCHEDULES, options.schedule)
        factor_of(options.schedule, 0, 0.0)
    for name in options.track:
        refuse_no_tracker(name, known_trackers())
        refuse_broken_tracker(name)
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
