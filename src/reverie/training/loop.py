"""The training loop: it knows phases, not methods.

A step is a function of (weights, seed, step): its batch, its noise and its dropout are drawn from
those numbers, so a run that is killed and resumed ends in the same weights as one that was not.
"""

import math
import time
from collections.abc import Sequence
from contextlib import nullcontext
from typing import cast

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from reverie.core.errors import UserError
from reverie.core.interrupt import StopSignal
from reverie.core.rng import Rng, mix
from reverie.data import Batch, Batches, ImageDataset
from reverie.methods import Phase
from reverie.methods.recipe import Recipe, TrainOptions
from reverie.runs.checkpoint import Checkpoint
from reverie.training.budget import Budget
from reverie.training.events import Events
from reverie.training.monitor import LossMeter, TrainingMonitor
from reverie.training.setup import autocast, backward_context, learning_rate
from reverie.training.state import Counters, Losses, TrainState


def fit(
    state: TrainState,
    dataset: ImageDataset,
    recipe: Recipe,
    monitor: TrainingMonitor | None,
    checkpoint: Checkpoint | None = None,
) -> Counters:
    """Train until the budget is spent or a signal arrives; returns how far it came.

    Args:
        state: networks and optimizers, new.
        dataset: the images.
        recipe: all options.
        monitor: logs and saves, in the main process; None in the others.
        checkpoint: where to go on.

    Raises:
        UserError: if a loss or a weight is not finite any more, or something cannot be written.
    """
    options, accelerator = recipe.training, state.accelerator
    rank, world = accelerator.process_index, accelerator.num_processes
    counters, meter = Counters(), LossMeter(accelerator)
    if checkpoint:
        counters = state.restore(checkpoint)
        meter.restore(checkpoint.facts.get("unlogged", {}))  # older versions left them out
    budget, events = Budget.of(options, len(dataset), world), Events(options)
    batches = Batches(dataset, options.batch_size, options.seed, rank, world)
    ahead = dataset.pixels is None or accelerator.device.type != "cpu"
    stream = batches.stream(counters.step * options.accumulate, ahead=ahead)
    with StopSignal() as stop_requested, monitor or nullcontext():
        if monitor:
            monitor.begin(state, counters)
        stop = agree(accelerator, counters, False, monitor)
        while (done := budget.fraction(counters)) < 1 and not (stop or counters.finished):
            due, started = events.due(counters), time.perf_counter()
            micro = [next(stream).to(accelerator.device) for _ in range(options.accumulate)]
            waited = time.perf_counter() - started
            rate = learning_rate(recipe.options.learning_rate, options, counters.step, done)
            state.dropout.manual_seed(mix(options.seed, counters.step, rank))
            for number, phase in enumerate(state.phases):
                if counters.step % phase.every == 0:
                    rngs = _rngs(accelerator, options, counters.step, number)
                    meter.add(update(state, phase, micro, rngs, rate))
            state.average(counters.step)
            counters.step += 1
            counters.seconds += time.perf_counter() - started
            logged = meter.mean() if due.log else None
            unlogged = meter.values() if due.checkpoint else {}
            if monitor:
                done = budget.fraction(counters)
                monitor.after_step(state, counters, done, due, logged, unlogged, waited)
            stop = agree(accelerator, counters, stop_requested(), monitor)
        counters.finished = counters.finished or budget.fraction(counters) >= 1
        unlogged = meter.values()  # by all processes
        if monitor:
            monitor.end(state, counters, unlogged)
    return counters


def update(
    state: TrainState, phase: Phase, batches: Sequence[Batch], rngs: Sequence[Rng], rate: float
) -> list[Losses]:
    """Step the phase's networks once.

    Args:
        state: networks and optimizers.
        phase: the update.
        batches: one batch, or several whose gradients are averaged (gradient accumulation).
        rngs: a generator of random numbers for each batch.
        rate: the learning rate.

    Returns:
        The losses of each batch and their parts, by name.

    Raises:
        UserError: if a loss is not finite; the phase's weights are unchanged.
    """
    parameters, optimizer = state.parameters[phase.networks], state.optimisers[phase.networks]
    accelerator = state.accelerator
    for parameter in parameters:
        parameter.requires_grad_(True)
    losses = []
    for batch, rng in zip(batches, rngs, strict=True):
        with autocast(accelerator):
            loss, parts = phase.loss(batch, rng)
        _refuse_non_finite(loss, phase, rng.step)
        with backward_context(state.options):
            accelerator.backward(loss / len(batches))
        losses.append({phase.name: loss} | {f"{phase.name}/{k}": v for k, v in parts.items()})
    average_gradients(accelerator, parameters)
    if state.options.clip_norm:
        accelerator.clip_grad_norm_(parameters, state.options.clip_norm)
    for group in optimizer.param_groups:
        group["lr"] = rate * group["relative_rate"]
    optimizer.step()
    optimizer.zero_grad()
    for parameter in parameters:
        parameter.requires_grad_(False)
    return losses


def _refuse_non_finite(loss: Tensor, phase: Phase, step: int) -> None:
    if not math.isfinite(loss.item()):
        raise UserError(
            f"the loss of phase {phase.name!r} became {loss.item()} at step {step + 1:,} and the "
            "training was stopped; what was saved before is unchanged. Start a new run with a "
            "smaller --learning-rate, or with --precision fp32."
        )


def agree(
    accelerator: Accelerator, counters: Counters, stop: bool, monitor: TrainingMonitor | None
) -> bool:
    """Synchronize elapsed seconds (mean) and early stopping (any) across processes, in `counters`.

    Returns:
        Whether any process was asked to stop.
    """
    enough = monitor is not None and monitor.should_stop
    if accelerator.num_processes > 1:
        values = [counters.seconds, float(stop), float(enough)]
        tensor = torch.tensor(values, device=accelerator.device)
        means = cast(Tensor, accelerator.reduce(tensor, "mean")).tolist()
        counters.seconds, stop, enough = means[0], means[1] > 0, means[2] > 0
    counters.finished = enough
    return stop


def _rngs(accelerator: Accelerator, options: TrainOptions, step: int, phase: int) -> list[Rng]:
    """The random numbers of each batch of one phase of one step."""
    seeds = [mix(options.seed, step, phase, part) for part in range(options.accumulate)]
    generators = [torch.Generator(accelerator.device).manual_seed(seed) for seed in seeds]
    rank, world = accelerator.process_index, accelerator.num_processes
    return [Rng(generator, step, rank, world) for generator in generators]


def average_gradients(accelerator: Accelerator, parameters: list[nn.Parameter]) -> None:
    """Average gradients over all processes, in place; networks are not wrapped.

    DistributedDataParallel's hooks would fire on the inner gradient of gradient penalties.
    """
    if accelerator.num_processes == 1:
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    flat = torch.cat([g.flatten() for g in gradients])
    flat = cast(Tensor, accelerator.reduce(flat, "mean"))
    sizes = [g.numel() for g in gradients]
    for gradient, mean in zip(gradients, flat.split(sizes), strict=True):
        gradient.copy_(mean.view_as(gradient))
