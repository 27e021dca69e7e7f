"""What a training will take on this machine, measured before it starts.

A few steps are made with new networks and random images, so that nothing has been decoded, trained
or written when somebody sees that the defaults were made for a GPU.
"""

from dataclasses import dataclass, replace

from accelerate import Accelerator

from reverie.core import progress
from reverie.core.errors import UserError
from reverie.core.progress import readable_duration
from reverie.core.result import Json, Result
from reverie.data.dataset import PendingDataset
from reverie.methods.presets import AUTO, recipe_for
from reverie.methods.recipe import Recipe
from reverie.training.budget import Budget
from reverie.training.images import find_images
from reverie.training.pace import seconds_per_step
from reverie.training.preset_choice import ChosenPreset, count_of, pick

LONG_SECONDS = 15 * 60
"""Trainings that take longer say so before they start."""

FEWEST_STEPS = 50
"""Of a training that is worth measuring: the measurement takes as long as some of them."""

SHORTER = 0.5
"""The share of the time that the automatic preset takes at most where it is named."""


@dataclass(frozen=True, kw_only=True)
class Forecast(Result):
    """How long a training takes here."""

    recipe: Recipe
    images: int
    preset: str | None
    chosen: str | None
    """The line that says why the preset was picked."""
    steps: int | None
    """None of a training by the clock."""
    seconds: float
    alternative: "Forecast | None" = None
    """The same training with the preset that `auto` picks, where it is much shorter."""

    def words(self) -> str:
        """One line."""
        steps = f"{self.steps:,} steps, " if self.steps is not None else ""
        line = f"{self.recipe.method}: {steps}about {readable_duration(self.seconds)} here"
        if self.alternative is None:
            return line
        other = self.alternative
        return f"{line}; --preset {AUTO} ({other.preset}): about {readable_duration(other.seconds)}"

    def to_json(self) -> dict[str, Json]:
        content: dict[str, Json] = {
            "method": self.recipe.method,
            "preset": self.preset,
            "images": self.images,
            "steps": self.steps,
            "seconds": self.seconds,
        }
        if self.alternative is not None:
            content["alternative"] = self.alternative.to_json()
        return content

    def summary(self) -> str:
        return "\n".join([*filter(None, [self.chosen]), self.words()])


def say_before(
    recipe: Recipe,
    found: PendingDataset,
    accelerator: Accelerator,
    chosen: ChosenPreset,
    forecast: bool,
) -> None:
    """Say which preset was picked, and how long a long training takes.

    What `auto` picked is short, and says how long it takes after its first steps.

    Args:
        recipe: all options.
        found: the images.
        accelerator: device and precision.
        chosen: the preset.
        forecast: whether to measure.
    """
    words = chosen.words(recipe)
    if words is not None:
        progress.say(words)
    steps = Budget.of(recipe.training, count_of(found), 1).steps
    alone = accelerator.num_processes == 1 and accelerator.device.type == "cpu"
    if not (forecast and alone and words is None and steps is not None and steps >= FEWEST_STEPS):
        return
    try:
        foreseen = foresee(recipe, found, accelerator, chosen, LONG_SECONDS)
    except UserError:
        return  # which the training itself reports, if it meets it
    if foreseen.seconds >= LONG_SECONDS:
        progress.say(foreseen.words())


def foresee(
    recipe: Recipe,
    found: PendingDataset,
    accelerator: Accelerator,
    chosen: ChosenPreset,
    long_seconds: float = 0.0,
) -> Forecast:
    """Measure how long a training takes, and if it is long, also with the preset of `auto`.

    Args:
        recipe: all options.
        found: the images.
        accelerator: device and precision.
        chosen: the preset.
        long_seconds: nothing is measured exactly that takes less.

    Raises:
        UserError: if it cannot be trained.
    """
    images = count_of(found)
    budget = Budget.of(recipe.training, images, accelerator.num_processes)
    seconds = budget.seconds or 0.0
    if budget.steps:
        measured = recipe.with_options(steps=budget.steps)
        pace = seconds_per_step(measured, found.spec, accelerator, long_seconds / budget.steps)
        seconds = pace * budget.steps
    whole = Forecast(
        recipe=recipe,
        images=images,
        preset=chosen.name,
        chosen=chosen.words(recipe),
        steps=budget.steps,
        seconds=seconds,
    )
    if budget.steps is None or chosen.reason is not None or seconds < LONG_SECONDS:
        return whole
    if "data" not in chosen.changes:  # those of the preset, which is made for them
        return whole
    choice, reason = pick(recipe_for(recipe.method), chosen.changes)
    other = choice.recipe.with_options(**chosen.changes)
    named = ChosenPreset(name=choice.preset, reason=reason)
    with progress.silent():
        others = find_images(other)
    shorter = foresee(other, others, accelerator, named)
    return replace(whole, alternative=shorter) if shorter.seconds < SHORTER * seconds else whole
