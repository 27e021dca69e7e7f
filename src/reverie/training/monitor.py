"""Training monitor: progress bar, log, preview sheets, checkpoints."""

import dataclasses
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, cast

import torch
from accelerate import Accelerator

from reverie.core import image_io, progress
from reverie.core.errors import UserError
from reverie.core.rng import latents_of_seeds
from reverie.data import Batches, ImageDataset
from reverie.methods import Method, Samples
from reverie.methods.capabilities import cycle_labels
from reverie.methods.recipe import Recipe
from reverie.runs.model_card import model_card
from reverie.runs.model_folder import save_model
from reverie.runs.run import Run
from reverie.training.budget import Budget
from reverie.training.callbacks import Callback, Callbacks, Training
from reverie.training.diagnostics import MIN_STEPS, diagnose, kind_of
from reverie.training.duration import DurationEstimate
from reverie.training.events import Due
from reverie.training.norms import LogNorms
from reverie.training.report import write_report
from reverie.training.resume import Origin
from reverie.training.sample_check import SampleCheck
from reverie.training.state import Counters, Losses, TrainState
from reverie.training.trackers import log_sheets
from reverie.training.validation import Validator

SAMPLES_SHOWN = 64
SECONDS_BETWEEN_UPDATES = 0.1
MIN_SHOWN, MIN_SHOWN_OF_LARGE, MAX_SMALL_SIZE = 16, 4, 64
SECONDS_BETWEEN_REPORTS = 60.0
MAX_SHOWN = 24
"""Images of the dataset in a sheet, at most."""


class LossMeter:
    """Mean of the losses since it was last read, over steps and over processes."""

    def __init__(self, accelerator: Accelerator) -> None:
        self._accelerator = accelerator
        self._values: dict[str, list[torch.Tensor]] = defaultdict(list)

    def add(self, losses: list[Losses]) -> None:
        """Add the losses of one update, one dictionary a batch."""
        for batch in losses:
            for name, value in batch.items():
                self._values[name].append(value.detach().float())

    def values(self) -> dict[str, list[float]]:
        """The losses since the last mean by name, averaged over processes.

        Every process must call it at the same step, and gets the same.
        """
        if self._values and self._accelerator.num_processes > 1:
            flat = torch.stack([value for values in self._values.values() for value in values])
            flat = iter(cast(torch.Tensor, self._accelerator.reduce(flat, "mean")))
            for values in self._values.values():
                values[:] = [next(flat) for _ in values]
        return {name: torch.stack(values).tolist() for name, values in self._values.items()}

    def restore(self, values: dict[str, list[float]]) -> None:
        """Go on from what `values` has returned."""
        for name, numbers in values.items():
            self._values[name] = list(torch.tensor(numbers, device=self._accelerator.device))

    def mean(self) -> dict[str, float]:
        """The means by name; every process must call it at the same step, and gets the same."""
        means = means_of(self.values())
        self._values.clear()
        return means


def means_of(values: dict[str, list[float]]) -> dict[str, float]:
    """Mean of each list."""
    return {name: float(torch.tensor(numbers).mean()) for name, numbers in values.items()}


class TrainingMonitor:
    """Logs and saves a training after each step; used by the main process only."""

    def __init__(
        self,
        run: Run,
        recipe: Recipe,
        method: Method,
        images: ImageDataset,
        accelerator: Accelerator,
        callbacks: Sequence[Callback] = (),
    ) -> None:
        self.run = run
        self.recipe = recipe
        self.accelerator = accelerator
        self.validator = Validator(run, recipe, method) if recipe.training.evaluate_every else None
        small = max(images.spec.size) <= MAX_SMALL_SIZE
        least = MIN_SHOWN if small else MIN_SHOWN_OF_LARGE
        shown = min(max(recipe.training.batch_size, least), MAX_SHOWN)
        self._shown_batch = Batches(images, shown, recipe.training.seed).read(0)
        options = recipe.training
        norms = [LogNorms()] if options.log_norms else []
        self._callbacks = Callbacks([*callbacks, *norms])
        self._budget = Budget.of(options, len(images), accelerator.num_processes)
        self._each = options.batch_size * options.accumulate * accelerator.num_processes
        self._sample_check = SampleCheck(images, self._each)
        self._warned: set[str] = set()
        self._bar = progress.Bar(recipe.method, 1.0)
        self._words = ""
        # The length of a training by the clock is known.
        self._duration = DurationEstimate() if recipe.training.minutes is None else None
        self._waited = self._seconds_at_log = 0.0
        self._step_at_log = 0
        # The step of the newest checkpoint, and of the model and sheets that this process wrote.
        self._checkpoint_step = self._model_step = self._sheets_step = -1
        self._shown = 0.0
        self._reported, self._report_cost = time.monotonic(), 0.0

    def begin(self, state: TrainState, counters: Counters) -> None:
        """Prepare logging; truncates the log after the checkpoint."""
        self.run.cut_log(counters.step)
        self._origin = Origin.of(self.run, self.recipe, self.accelerator.num_processes)
        self._step_at_log, self._seconds_at_log = counters.step, counters.seconds
        self._lines = self.run.read_log()
        self._logged_step = max((line["step"] for line in self._lines), default=0)
        for line in self._lines:
            self._warned |= {kind_of(said) for said in _said(line)}
        training = self._training(state, counters)
        self._callbacks.each(lambda one: one.on_begin(training))
        if counters.step == 0:
            self.write_sheets(state, counters)
        else:
            self._checkpoint_step = counters.step

    def start_trackers(self) -> None:
        """Start the experiment trackers.

        Raises:
            UserError: if one cannot be started, as without a login or a connection.
        """
        if not (names := self.recipe.training.track):
            return
        try:
            self.accelerator.init_trackers("reverie", config=_plain(self.recipe.flat()))
        except Exception as error:  # whatever a package of others may raise
            raise UserError(
                f"{', '.join(names)} could not be started ({type(error).__name__}: {error}): "
                "set it up, or leave out --track."
            ) from error

    def __enter__(self) -> "TrainingMonitor":
        self._bar.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.__exit__(*exception)

    def after_step(
        self,
        state: TrainState,
        counters: Counters,
        done: float,
        due: Due,
        logged: dict[str, float] | None,
        unlogged: dict[str, list[float]],
        waited: float,
    ) -> None:
        """Log, sample, validate and save, each as often as the options say.

        Args:
            state: networks and optimizers.
            counters: how far the training is, after the step.
            done: fraction of the training that is done.
            due: what comes after this step.
            logged: mean losses since the last log, where this step logs.
            unlogged: losses since the last log, where this step saves.
            waited: seconds that the step waited for its batch.
        """
        options = self.recipe.training
        if self._duration:
            estimate = self._duration.after_step(counters.step, done, counters.seconds)
            if estimate:
                progress.say(f"{self.recipe.method}: {estimate}")
        if self._callbacks:
            training = self._training(state, counters)
            self._callbacks.each(lambda one: one.on_step(training))
        self._waited += waited
        if logged is not None:
            self._log(state, counters, logged)
        if due.sample:
            self.write_sheets(state, counters)
            self._renew_report()
        if self.validator and counters.step % options.evaluate_every == 0:
            self._validate(self.validator, state, counters)
        if due.checkpoint:
            self.keep(state, counters, unlogged)
        now = time.monotonic()
        if now - self._shown > SECONDS_BETWEEN_UPDATES:
            self._shown = now
            self._bar.update(done, f"step {counters.step:,}  {self._words}")

    @property
    def should_stop(self) -> bool:
        """Whether early stopping has triggered, or a callback stops the training."""
        enough = self.validator is not None and self.validator.should_stop
        return enough or self._callbacks.stopped

    def _training(self, state: TrainState, counters: Counters) -> Training:
        return Training(self.run, state, counters, self._budget.fraction(counters))

    def _renew_report(self) -> None:
        """Write the report now and then, so that it takes a fiftieth of the time at most."""
        began = time.monotonic()
        if began - self._reported < max(SECONDS_BETWEEN_REPORTS, 50 * self._report_cost):
            return
        write_report(self.run, renewed=True)
        self._reported = time.monotonic()
        self._report_cost = self._reported - began

    def _validate(self, validator: Validator, state: TrainState, counters: Counters) -> None:
        figures = validator.validate(state.finished_method(), counters.step, counters.seconds)
        if self.recipe.training.track:
            self.accelerator.log(figures, step=counters.step)

    def end(self, state: TrainState, counters: Counters, unlogged: dict[str, list[float]]) -> None:
        """Save the final state and write the report.

        Model and sheets are written again, and old checkpoints deleted, where a resumed run has
        nothing left to train: it may have been killed between the last checkpoint and these.
        """
        if unlogged and counters.step > self._logged_step:
            self._log(state, counters, means_of(unlogged))
        if counters.step > self._sheets_step:
            self.write_sheets(state, counters)
        if counters.step > self._checkpoint_step:
            self.keep(state, counters, unlogged)
        if counters.step > self._model_step:
            self.run.delete_old_checkpoints(self.recipe.training.keep_checkpoints)
            self.save_model(state, counters)
        training = self._training(state, counters)
        self._callbacks.each(lambda one: one.on_end(training))
        write_report(self.run)
        if self.recipe.training.track:
            self.accelerator.end_training()

    def keep(self, state: TrainState, counters: Counters, unlogged: dict[str, list[float]]) -> None:
        """Write a checkpoint and the current model."""
        facts = {"unlogged": unlogged, "origin": dataclasses.asdict(self._origin)}
        checkpoint = state.checkpoint(counters, facts)
        self.run.save_checkpoint(checkpoint, self.recipe.training.keep_checkpoints)
        self._checkpoint_step = counters.step
        self.save_model(state, counters)
        training = self._training(state, counters)
        self._callbacks.each(lambda one: one.on_checkpoint(training))

    def save_model(self, state: TrainState, counters: Counters) -> None:
        """Write the current model."""
        method = state.finished_method()
        save_model(self.run.model, self.recipe.method, method, model_card(self.recipe, self.run))
        self._model_step = counters.step

    @torch.no_grad()
    def write_sheets(self, state: TrainState, counters: Counters) -> None:
        """Write preview sheets from fixed seeds and a fixed batch."""
        method, device = state.finished_method(), self.accelerator.device
        latents = labels = None
        count = SAMPLES_SHOWN - SAMPLES_SHOWN % (method.sample_columns or 1)  # whole rows
        if isinstance(method, Samples):
            latents = latents_of_seeds(range(count), method.latent_shape).to(device)
        if method.conditional:
            labels = cycle_labels(count, method.spec.classes).to(device)
        sheets = {}
        for kind, shown in method.previews(latents, labels, self._shown_batch.to(device)).items():
            sheets[kind] = self.run.sheet(counters.step, kind)
            image_io.save_sheet(shown.images, sheets[kind], shown.columns)
        self._sheets_step = counters.step
        if self.recipe.training.track:
            log_sheets(self.accelerator, sheets, counters.step)
        training = self._training(state, counters)
        self._callbacks.each(lambda one: one.on_sample(training, sheets))

    def _log(self, state: TrainState, counters: Counters, losses: dict[str, float]) -> None:
        steps = counters.step - self._step_at_log
        seconds = counters.seconds - self._seconds_at_log
        speed = steps * self._each / max(seconds, 1e-9)
        line: dict[str, Any] = {
            "step": counters.step,
            "seconds": round(counters.seconds, 3),
            "images_seen": counters.step * self._each,
            "images_per_second": round(speed, 1),
            "waiting_share": round(self._waited / max(seconds, 1e-9), 4),
            "learning_rate": state.learning_rate_now(),
            "losses": losses,
        }
        diversity: dict[str, float] = {}
        if self._sample_check.is_due(state.method, counters.step, self._logged_step):
            method, device = state.finished_method(), self.accelerator.device
            diversity = line["diversity"] = self._sample_check.figures(method, device)
        numbers = self._callbacks.numbers(self._training(state, counters), line)
        if numbers:
            line["numbers"] = numbers
        self._lines.append(line)
        diagnostics = [
            *diagnose(self._lines, state.method.options),
            *state.method.diagnostics(losses),
        ]
        if diagnostics:
            line["troubles"] = diagnostics
            self._warn(line)
        self.run.log(line)
        if self.recipe.training.track:
            figures = losses | diversity | numbers | {"images_per_second": speed}
            self.accelerator.log(figures, step=counters.step)
        whole = [f"{name} {value:.3g}" for name, value in losses.items() if "/" not in name]
        self._words = f"{speed:,.0f} images/s  {'  '.join(whole)}"
        self._waited, self._seconds_at_log = 0.0, counters.seconds
        self._step_at_log = self._logged_step = counters.step

    def _warn(self, line: dict[str, Any]) -> None:
        """Print each kind of diagnostic once, also where the run is resumed."""
        for warning in _said(line):
            if kind_of(warning) not in self._warned:
                self._warned.add(kind_of(warning))
                progress.warn(f"step {line['step']:,}: {warning}")


def _said(line: dict[str, Any]) -> list[str]:
    """Warnings of a line of the log that are printed: none of the first steps."""
    return line.get("troubles", []) if line["step"] >= MIN_STEPS else []


def _plain(options: dict[str, Any]) -> dict[str, Any]:
    """Options as scalars and strings, for experiment trackers."""
    plain = (int, float, str, bool)
    return {key: v if isinstance(v, plain) else str(v) for key, v in options.items()}
