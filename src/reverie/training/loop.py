"""THE training loop: it knows phases, not methods.

A step is a function of (weights, seed, step): its batch, its noise and its dropout are drawn from
those numbers, so a run that is killed and resumed ends in the same weights as one that was not.
"""

import time
from contextlib import nullcontext

import torch
from accelerate import Accelerator

from reverie.core.interrupt import StopSignal
from reverie.core.rng import Rng, mix, seed_dropout
from reverie.data import Batches, ImageDataset
from reverie.methods import Method
from reverie.methods.recipe import Recipe
from reverie.runs.run import Run
from reverie.training.monitor import TrainingMonitor
from reverie.training.setup import Budget, learning_rate
from reverie.training.state import Counters, TrainState


def fit(
    run: Run, method: Method, images: ImageDataset, recipe: Recipe, accelerator: Accelerator
) -> Counters:
    """Train until the budget is spent or someone interrupts; returns how far it came.

    Goes on from the newest good checkpoint in `run`, if there is one. Keeps a checkpoint, the
    model so far and sheets of samples in `run` as often as the options say, and at the end.
    """
    options, main = recipe.training, accelerator.is_main_process
    rank, world = accelerator.process_index, accelerator.num_processes
    training = TrainState(method, options, accelerator)
    checkpoint = run.newest_checkpoint()
    state = training.restore(checkpoint) if checkpoint else Counters()
    budget = Budget.of(options, len(images), world)
    batches = Batches(images, options.batch_size, options.seed, rank, world)
    ahead = images.pixels is None or accelerator.device.type != "cpu"
    stream = batches.stream(state.step * options.accumulate, ahead=ahead)
    monitor = TrainingMonitor(run, recipe, batches, accelerator) if main else None
    if monitor:
        monitor.begin(training, state)

    def rng(phase_number: int, part: int) -> Rng:
        seed = mix(options.seed, state.step, phase_number, part)
        generator = torch.Generator(accelerator.device).manual_seed(seed)
        return Rng(generator, state.step, rank, world)

    with StopSignal() as stop_requested, monitor or nullcontext():
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
                    rngs = [rng(number, part) for part in range(len(micro))]
                    said += training.update(phase, micro, rngs, rate)
            training.average(state.step)
            state.step += 1
            state.seconds += time.perf_counter() - started
            if monitor:
                monitor.after_step(training, state, budget.share(state), said, rate, waited)
            enough = monitor is not None and monitor.should_stop
            state.seconds, stop, enough = agree(
                accelerator, state.seconds, stop_requested(), enough
            )
            state.finished = enough
    state.finished = state.finished or budget.share(state) >= 1
    if monitor:
        monitor.end(training, state)
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
