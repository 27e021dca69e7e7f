"""What can be seen of a training while it runs, and what stays of it.

A progress bar, the log, sheets of samples at fixed seeds, checkpoints, the model so far.
"""

import time
from collections import defaultdict
from typing import Any

import torch
from accelerate import Accelerator

from reverie.core import image_io, progress
from reverie.core.rng import latents_of_seeds
from reverie.data import Batches
from reverie.methods import Samples
from reverie.methods.base import cycle_labels
from reverie.methods.recipe import Recipe
from reverie.runs.model_card import model_card
from reverie.runs.model_folder import save_model
from reverie.runs.run import Run
from reverie.training.report import write_report
from reverie.training.state import Counters, Losses, TrainState
from reverie.training.validation import Validator

SAMPLES_SHOWN = 64


MOST_COLUMNS = 16


SECONDS_BETWEEN_UPDATES = 0.1


FEWEST_SHOWN, FEWEST_OF_LARGE, LARGEST_OF_MANY = 16, 4, 64


SHOWN_AT_MOST = 64


STEPS_BEFORE_WARNING = 500


class TrainingMonitor:
    """Looks at a training after each step, in the main process alone."""

    def __init__(
        self, run: Run, recipe: Recipe, batches: Batches, accelerator: Accelerator
    ) -> None:
        self.run = run
        self.recipe = recipe
        self.batches = batches
        self.accelerator = accelerator
        self.validator: Validator | None = None
        small = batches.images.spec.image_size <= LARGEST_OF_MANY
        shown = max(batches.batch_size, FEWEST_SHOWN if small else FEWEST_OF_LARGE)
        self._shown_batch = Batches(batches.images, shown, recipe.training.seed).read(0)
        self._warned: set[str] = set()
        self._bar = progress.Bar(recipe.method, 1.0)
        self._said: list[Losses] = []
        self._words = ""
        self._waited = self._seconds_at_log = 0.0
        self._step_at_log = self._saved = 0
        self._shown = 0.0

    def begin(self, training: TrainState, state: Counters) -> None:
        """Start the bar, and forget what the log says beyond the checkpoint.

        Raises:
            UserError: if something is to be measured that cannot be.
        """
        self.run.cut_log(state.step)
        if self.recipe.training.evaluate_every:
            self.validator = Validator(self.run, self.recipe, training.method)
        self._saved = self._step_at_log = state.step
        self._seconds_at_log = state.seconds
        if state.step == 0:
            self.write_sheets(training, state)
        if self.recipe.training.track:
            self.accelerator.init_trackers("reverie", config=_plain(self.recipe.flat()))

    def __enter__(self) -> "TrainingMonitor":
        self._bar.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.__exit__(*exception)

    def after_step(
        self,
        training: TrainState,
        state: Counters,
        share: float,
        said: list[Losses],
        rate: float,
        waited: float,
    ) -> None:
        """Log, show and keep, each as often as the options say."""
        options = self.recipe.training
        self._said += said
        self._waited += waited
        if state.step % options.log_every == 0 or state.step == 1:
            self._log(training, state, rate)
        if state.step % options.sample_every == 0:
            self.write_sheets(training, state)
        if self.validator and state.step % options.evaluate_every == 0:
            self._validate(self.validator, training, state)
        if state.step % options.checkpoint_every == 0:
            self.keep(training, state)
        now = time.monotonic()
        if now - self._shown > SECONDS_BETWEEN_UPDATES:
            self._shown = now
            self._bar.update(share, f"step {state.step:,}  {self._words}")

    @property
    def should_stop(self) -> bool:
        """Whether the pictures no longer get better."""
        return self.validator is not None and self.validator.should_stop

    def _validate(self, validator: Validator, training: TrainState, state: Counters) -> None:
        figures = validator.look(training.finished_method(), state.step, state.seconds)
        if self.recipe.training.track:
            self.accelerator.log(figures, step=state.step)

    def end(self, training: TrainState, state: Counters) -> None:
        """Keep what there is, and write the report."""
        if self._said:
            self._log(training, state, training.learning_rate_now())
        if not self.run.sheet(state.step).exists():
            self.write_sheets(training, state)
        if state.step > self._saved or not self.run.model.exists():
            self.keep(training, state)
        write_report(self.run)
        if self.recipe.training.track:
            self.accelerator.end_training()

    def keep(self, training: TrainState, state: Counters) -> None:
        """Write a checkpoint and the model so far."""
        self.run.save_checkpoint(training.checkpoint(state), self.recipe.training.keep_checkpoints)
        method = training.finished_method()
        save_model(self.run.model, self.recipe.method, method, model_card(self.recipe, self.run))
        self._saved = state.step

    @torch.no_grad()
    def write_sheets(self, training: TrainState, state: Counters) -> None:
        """Write what the method makes of the same seeds each time."""
        method, device = training.finished_method(), self.accelerator.device
        latents = labels = None
        columns = method.columns
        if isinstance(method, Samples):
            latents = latents_of_seeds(range(SAMPLES_SHOWN), method.latent_shape).to(device)
        if method.conditional:
            labels = cycle_labels(SAMPLES_SHOWN, method.spec.classes).to(device)
            if method.spec.classes <= MOST_COLUMNS:  # one column for each class
                columns = method.spec.classes
        batch = self._shown_batch.to(device)
        for kind, images in method.previews(latents, labels, batch).items():
            images = images[:SHOWN_AT_MOST]
            shown = images[: len(images) // columns * columns] if columns else images
            image_io.save_sheet(shown, self.run.sheet(state.step, kind), columns)

    def _log(self, training: TrainState, state: Counters, rate: float) -> None:
        sums: dict[str, list[torch.Tensor]] = defaultdict(list)
        for said in self._said:
            for name, value in said.items():
                sums[name].append(value.detach())
        losses = {name: float(torch.stack(values).mean()) for name, values in sums.items()}
        options = self.recipe.training
        steps = state.step - self._step_at_log
        seconds = state.seconds - self._seconds_at_log
        each = options.batch_size * options.accumulate * self.accelerator.num_processes
        speed = steps * each / max(seconds, 1e-9)
        line: dict[str, Any] = {
            "step": state.step,
            "seconds": round(state.seconds, 3),
            "images_seen": state.step * each,
            "images_per_second": round(speed, 1),
            "waiting_share": round(self._waited / max(seconds, 1e-9), 4),
            "learning_rate": rate,
            "losses": losses,
        }
        diagnostics = training.method.diagnostics(losses)
        if diagnostics:
            line["troubles"] = diagnostics
            self._warn(state, diagnostics)
        self.run.log(line)
        if options.track:
            self.accelerator.log(losses | {"images_per_second": speed}, step=state.step)
        whole = [f"{name} {value:.3g}" for name, value in losses.items() if "/" not in name]
        self._words = f"{speed:,.0f} pictures/s  {'  '.join(whole)}"
        self._said.clear()
        self._waited, self._step_at_log, self._seconds_at_log = 0.0, state.step, state.seconds

    def _warn(self, state: Counters, diagnostics: list[str]) -> None:
        """Say each kind of trouble once, when it has lasted beyond the first steps."""
        for trouble in diagnostics:
            kind = trouble.split("(")[0]
            if kind not in self._warned and state.step >= STEPS_BEFORE_WARNING:
                self._warned.add(kind)
                progress.warn(f"step {state.step:,}: {trouble}")


def _plain(options: dict[str, Any]) -> dict[str, Any]:
    """Options as trackers take them: numbers and words."""
    plain = (int, float, str, bool)
    return {key: v if isinstance(v, plain) else str(v) for key, v in options.items()}
