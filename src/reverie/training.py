"""THE training loop: it knows phases, not methods.

A step is a function of (weights, seed, step): its batch, its noise and its dropout are drawn from
those numbers, so a run that is killed and resumed ends in the same weights as one that was not.
"""

import importlib.util
import math
import time
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import LoggerType

from reverie.data import Batches, Pictures
from reverie.draws import Draw, mix, seed_dropout
from reverie.engine import State, Training
from reverie.errors import UserError, nearest
from reverie.interrupts import Interruptible
from reverie.methods import Method
from reverie.precision import bf16_is_native
from reverie.recipe import STEPS_BY_DEFAULT, Recipe, TrainOptions
from reverie.runs import Run
from reverie.watch import Watch


@dataclass(frozen=True)
class Budget:
    """When a training ends: after so many steps or so many seconds, whichever is given."""

    steps: int | None
    seconds: float | None

    @staticmethod
    def of(options: TrainOptions, picture_count: int, processes: int) -> "Budget":
        """The length that options ask for."""
        check_length(options)
        if options.minutes is not None:
            return Budget(None, options.minutes * 60)
        if options.epochs is not None:
            a_step = options.batch_size * options.accumulate * processes
            return Budget(math.ceil(options.epochs * picture_count / a_step), None)
        return Budget(STEPS_BY_DEFAULT if options.steps is None else options.steps, None)

    def share(self, state: State) -> float:
        """How much of the way is done, from 0 to 1."""
        done = state.step / max(self.steps, 1) if self.steps is not None else 0.0
        if self.seconds is not None:
            done = state.seconds / max(self.seconds, 1e-9)
        return min(done, 1.0) if self.steps != 0 else 1.0


def check_length(options: TrainOptions) -> None:
    """Raise a UserError if options ask for two lengths at once."""
    lengths = {"steps": options.steps, "epochs": options.epochs, "minutes": options.minutes}
    given = [name for name, value in lengths.items() if value is not None]
    if len(given) > 1:
        raise UserError(f"give one length, not {' and '.join(given)}.")


def learning_rate(base: float, options: TrainOptions, step: int, share: float) -> float:
    """The step size at `step`, when `share` of the training is done."""
    rate = base * min(1.0, (step + 1) / options.warmup_steps if options.warmup_steps else 1.0)
    past = max(0.0, share - options.decay_from) / max(1e-9, 1.0 - options.decay_from)
    if options.decay == "linear":
        rate *= 1 - past
    elif options.decay == "cosine":
        rate *= 0.5 * (1 + math.cos(math.pi * past))
    return rate


def fit(
    run: Run, method: Method, pictures: Pictures, recipe: Recipe, accelerator: Accelerator
) -> State:
    """Train until the budget is spent or someone interrupts; returns how far it came.

    Goes on from the newest good checkpoint in `run`, if there is one. Keeps a checkpoint, the
    model so far and sheets of samples in `run` as often as the options say, and at the end.
    """
    options, main = recipe.training, accelerator.is_main_process
    rank, world = accelerator.process_index, accelerator.num_processes
    training = Training(method, options, accelerator)
    checkpoint = run.newest_checkpoint()
    state = training.restore(checkpoint) if checkpoint else State()
    budget = Budget.of(options, len(pictures), world)
    batches = Batches(pictures, options.batch_size, options.seed, rank, world)
    ahead = pictures.pixels is None or accelerator.device.type != "cpu"
    stream = batches.stream(state.step * options.accumulate, ahead=ahead)
    watch = Watch(run, recipe, batches, accelerator) if main else None
    if watch:
        watch.begin(training, state)

    def draw(phase_number: int, part: int) -> Draw:
        seed = mix(options.seed, state.step, phase_number, part)
        generator = torch.Generator(accelerator.device).manual_seed(seed)
        return Draw(generator, state.step, rank, world)

    with Interruptible() as interrupted, watch or nullcontext():
        stop = False
        while (share := budget.share(state)) < 1 and not (stop or state.finished):
            started = time.perf_counter()
            micro = [next(stream).to(accelerator.device) for _ in range(options.accumulate)]
            waited = time.perf_counter() - started
            rate = learning_rate(method.options.learning_rate, options, state.step, share)
            seed_dropout(mix(options.seed, state.step, rank), accelerator.device)
            said = []
            for number, phase in enumerate(training.phases):
                if state.step % phase.every == 0:
                    draws = [draw(number, part) for part in range(len(micro))]
                    said += training.update(phase, micro, draws, rate)
            training.average(state.step)
            state.step += 1
            state.seconds += time.perf_counter() - started
            if watch:
                watch.after_step(training, state, budget.share(state), said, rate, waited)
            enough = watch is not None and watch.wants_to_stop
            state.seconds, stop, enough = agree(accelerator, state.seconds, interrupted(), enough)
            state.finished = enough
    state.finished = state.finished or budget.share(state) >= 1
    if watch:
        watch.end(training, state)
    return state


def agree(
    accelerator: Accelerator, seconds: float, stop: bool, enough: bool
) -> tuple[float, bool, bool]:
    """The same clock and the same decision to stop in every process."""
    if accelerator.num_processes == 1:
        return seconds, stop, enough
    said = torch.tensor([seconds, float(stop), float(enough)], device=accelerator.device)
    seconds, stops, enoughs = accelerator.reduce(said, "mean").tolist()  # type: ignore[union-attr]
    return seconds, stops > 0, enoughs > 0


def make_accelerator(options: TrainOptions, run: Run) -> Accelerator:
    """Accelerate, set up for these options: device, precision, processes, trackers.

    Raises:
        UserError: if the device cannot do what is asked, or a tracker is not installed.
    """
    trackers = [str(tracker.value) for tracker in LoggerType]
    for name in options.track:
        if name not in trackers:
            raise UserError(f"there is no tracker {name!r}; {nearest(name, trackers)}")
        if importlib.util.find_spec(name) is None:
            raise UserError(f"the tracker {name} is not installed: pip install {name}")
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    present = {"auto": True, "cpu": True, "cuda": cuda, "mps": mps}
    if not present[options.device]:
        raise UserError(f"PyTorch finds no {options.device} here: use --device auto.")
    cpu = options.device == "cpu" or not (cuda or mps)
    if cpu and options.precision == "fp16":
        raise UserError("fp16 is for GPUs: use --precision auto, bf16 or fp32 on a processor.")
    precision = options.precision
    if precision == "auto":
        precision = "bf16" if bf16_is_native("cpu" if cpu else "cuda") else "fp32"
    # Accelerate keeps one state a process; a second training may want another precision.
    AcceleratorState._reset_state(reset_partial_state=False)
    return Accelerator(
        cpu=cpu,
        mixed_precision="no" if precision == "fp32" else precision,
        log_with=list(options.track) or None,
        project_dir=run.folder,
    )
