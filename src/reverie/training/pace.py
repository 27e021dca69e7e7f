"""Seconds of a training step on this machine, measured on random images before anything is read."""

import time
from collections.abc import Callable

import torch
from accelerate import Accelerator

from reverie.core import progress
from reverie.core.rng import DrawsFrom, Rng
from reverie.data import Batch, ImageSpec
from reverie.methods.recipe import Recipe
from reverie.runs.model_folder import build_method
from reverie.training.loop import update
from reverie.training.state import TrainState

ENOUGH_SECONDS = 1.0
"""Measured steps end after so long."""

SLOW_SECONDS = 10.0
"""A first step of so long is measure enough: what makes it slow takes less."""


def seconds_per_step(
    recipe: Recipe,
    spec: ImageSpec,
    accelerator: Accelerator,
    long_enough: float = 0.0,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Seconds of a step of a training, from new networks and random images.

    The first one, which is slow, is not part of it, unless it takes less than `long_enough` seconds
    or very long. Global random numbers and files are left alone.

    Args:
        recipe: all options.
        spec: the images.
        accelerator: device and precision, of one process.
        long_enough: seconds of a step below which nobody needs to know more.
        clock: seconds, as `time.process_time` where others use the same cores.

    Raises:
        UserError: if the method cannot be trained on such images, or a loss is not finite.
    """
    options = recipe.training
    generator = torch.Generator().manual_seed(options.seed)
    with DrawsFrom(generator), progress.silent():
        state = TrainState(build_method(recipe, spec), options, accelerator)
    batches = [
        _random_batch(spec, options.batch_size, generator).to(accelerator.device)
        for _ in range(options.accumulate)
    ]
    step = max((options.steps or 1) - 1, 0)  # some losses are added after a number of steps
    rngs = [Rng(torch.Generator(accelerator.device).manual_seed(0), step) for _ in batches]
    state.dropout.manual_seed(options.seed)

    def one_round() -> float:
        seconds = 0.0
        for phase in state.phases:
            began = clock()
            update(state, phase, batches, rngs, rate=0.0)
            seconds += (clock() - began) / phase.every
        began = clock()
        state.average(0)
        return seconds + clock() - began

    with DrawsFrom(generator), progress.silent():
        first = one_round()
        if first < long_enough or first > SLOW_SECONDS:
            return first
        rounds = [one_round()]
        while sum(rounds) < ENOUGH_SECONDS:
            rounds.append(one_round())
    return sum(rounds) / len(rounds)


def _random_batch(spec: ImageSpec, count: int, generator: torch.Generator) -> Batch:
    def noise() -> torch.Tensor:
        shape = (count, spec.channels, spec.height, spec.width)
        return torch.rand(shape, generator=generator) * 2 - 1

    labels = torch.arange(count) % spec.classes if spec.classes else None
    return Batch(noise(), labels, domain_b=noise())
