"""Which preset a training begins from where none is named: a function of what is trained on what.

A preset is picked by device, image size and number of images, never by the speed of the machine,
so that the same command trains the same on every processor. A preset for the dataset that is named
goes first; on a processor the steps are as many as suit the images and take an hour at most.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

from reverie.core.image_size import Size
from reverie.methods import METHODS
from reverie.methods.presets import DEFAULT, recipe_for
from reverie.methods.recipe import DEFAULT_STEPS, Fits, Preset, Recipe

LONGEST_SECONDS = 3600.0
"""What a training that was picked for a processor takes on one core, at most."""

FEWEST = 0.25
"""Of a preset's steps, the share that even a handful of images is trained for."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a preset is picked by."""

    device: Literal["cpu", "gpu"]
    size: Size
    """Of the images."""
    size_is_given: bool
    """Whether it was asked for; otherwise a preset may have a size of its own."""
    images: int
    data: str | None = None
    """The name of a dataset, or a path."""


@dataclass(frozen=True)
class Choice:
    """A preset that was picked."""

    preset: str
    """Its name."""
    size: Size
    """Of the images that it trains on."""
    seconds: float | None
    """What it takes on one core, by the time that was measured for the preset; None if unknown."""
    recipe: Recipe


def choose(method: str, facts: Facts) -> Choice:
    """The preset of a method that suits a training, with steps that suit it.

    Raises:
        UserError: if there is no such method.
    """
    presets = METHODS.find(method).presets
    suiting = [name for name, preset in presets.items() if _suits(preset, facts)]
    name = min(suiting, key=lambda one: presets[one].data.data is None, default=DEFAULT)
    recipe = recipe_for(method, name)
    preset = presets.get(name)
    if preset is None or preset.fits is None or not preset.fits.seconds or facts.device != "cpu":
        return Choice(name, facts.size, None, recipe)
    size = _size(preset, facts)
    pace = preset.fits.seconds * size.width * size.height / preset.fits.side**2
    steps = _steps(recipe, preset.fits, facts.images, pace)
    training = replace(recipe.training, steps=steps)
    return Choice(name, size, steps * pace, replace(recipe, training=training))


def _suits(preset: Preset, facts: Facts) -> bool:
    fits = preset.fits
    return (
        fits is not None
        and preset.data.data in (None, facts.data)
        and fits.device in ("any", facts.device)
        and (fits.largest is None or max(_size(preset, facts)) <= fits.largest)
        and (fits.most_images is None or facts.images <= fits.most_images)
    )


def _size(preset: Preset, facts: Facts) -> Size:
    own = preset.data.image_size
    return facts.size if facts.size_is_given or own is None else Size.of(own)


def _steps(recipe: Recipe, fits: Fits, images: int, pace: float) -> int:
    """As many steps as suit the images and take `LONGEST_SECONDS` at most, as a round number."""
    steps = float(recipe.training.steps or DEFAULT_STEPS)
    if fits.passes is not None:
        suited = fits.passes * images / recipe.training.batch_size
        steps = min(steps, max(FEWEST * steps, suited))
    steps = min(steps, LONGEST_SECONDS / pace)
    unit = 10 ** max(0, math.floor(math.log10(max(steps, 1))) - 1)
    return max(1, math.floor(steps / unit) * unit)
