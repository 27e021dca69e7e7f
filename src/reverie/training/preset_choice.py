"""The preset that a training begins from: the named one, or the one that `auto` picks."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch

from reverie.core import progress
from reverie.core.device import runs_on_cpu
from reverie.core.options import OptionValue
from reverie.core.result import Json
from reverie.data import DataOptions
from reverie.data.dataset import PendingDataset
from reverie.methods.choice import Choice, Facts, choose
from reverie.methods.presets import AUTO
from reverie.methods.recipe import Recipe
from reverie.runs.run import Run
from reverie.training.images import find_images


@dataclass(frozen=True, kw_only=True)
class ChosenPreset:
    """The preset of a training, as its run records it."""

    name: str | None = None
    """None where none was named."""
    reason: str | None = None
    """Device, size and number of images by which it was picked; None where it was named."""
    changes: Mapping[str, OptionValue] = field(default_factory=dict)
    """Options that were asked for besides."""

    def words(self, recipe: Recipe) -> str | None:
        """The line that says what was picked; None where nothing was."""
        if self.reason is None:
            return None
        training = recipe.training
        lengths = {"steps": training.steps, "passes": training.epochs, "minutes": training.minutes}
        given = [f"{value:,g} {name}" for name, value in lengths.items() if value is not None]
        return "; ".join([f"preset {self.name}: {self.reason}", *given])

    def record(self) -> dict[str, Json]:
        """The entries of a run's `options.json`."""
        return {"preset": self.name, "preset_reason": self.reason}

    @staticmethod
    def of(run: Run) -> "ChosenPreset":
        """The preset that a run was started with."""
        facts = run.facts()
        name, reason = facts.get("preset"), facts.get("preset_reason")
        return ChosenPreset(
            name=name if isinstance(name, str) else None,
            reason=reason if isinstance(reason, str) else None,
        )


NOT_NAMED = ChosenPreset()
"""Of a training whose options were all given."""


def starting_recipe(
    before: Recipe, out: Path, preset: str | None, changes: Mapping[str, OptionValue], kind: str
) -> tuple[Recipe, ChosenPreset]:
    """The recipe that the options of a training change, and the preset that it is.

    Args:
        before: the recipe of the preset, of the file, or of the run.
        out: the run.
        preset: what was asked for.
        changes: options by their plain names.
        kind: `new`, `file` where a recipe is read from one, or `run` where a run goes on.

    Raises:
        UserError: if `auto` has no images to pick by, or an option does not fit.
    """
    if kind == "run":
        return before, ChosenPreset.of(Run(out))
    if kind == "file":
        return before, ChosenPreset(changes=changes)
    if preset != AUTO:
        return before, ChosenPreset(name=preset, changes=changes)
    choice, reason = pick(before, changes)
    return choice.recipe, ChosenPreset(name=choice.preset, reason=reason, changes=changes)


def pick(before: Recipe, changes: Mapping[str, OptionValue]) -> tuple[Choice, str]:
    """What `auto` picks for a training, and why.

    Args:
        before: the method's defaults.
        changes: options that were asked for.
    """
    own = {field.name for field in dataclasses.fields(DataOptions)}
    asked = before.with_options(**changes)
    data = DataOptions(**{n: v for n, v in changes.items() if n in own})  # type: ignore[arg-type]
    with progress.silent():  # what is found is said when it is found for the training
        found = find_images(dataclasses.replace(asked, data=data))
    facts = Facts(
        device="cpu" if runs_on_cpu(asked.training.device) else "gpu",
        size=found.spec.size,
        size_is_given=data.image_size is not None,
        images=count_of(found),
        data=data.data,
    )
    choice = choose(asked.method, facts)
    cores = torch.get_num_threads()
    device = f"{cores} {'core' if cores == 1 else 'cores'}" if facts.device == "cpu" else "GPU"
    size = choice.size.option if choice.size.width == choice.size.height else choice.size
    images = f"{facts.images:,} {'image' if facts.images == 1 else 'images'}"
    return choice, f"{device}, {size} pixels, {images}"


def count_of(found: PendingDataset) -> int:
    """How many images a training goes through; the smaller domain decides."""
    sides = [side for side in (found.source, found.other) if side is not None]
    return min(len(side.names) for side in sides)
