"""What a sweep trains: every combination of the values of some options, each with a name."""

import hashlib
import itertools
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from reverie.core.errors import UserError, nearest
from reverie.core.option_text import value_from_text
from reverie.core.options import InvalidValue, OptionValue, field_types
from reverie.core.result import Json, plain
from reverie.methods.recipe import Recipe

Axes = Mapping[str, Sequence[OptionValue]]
"""The values of each option that a sweep goes through, by the option's name."""

SEED = "seed"
"""The option over which figures are averaged."""

MOST_COMBINATIONS = 1000
LONGEST_NAME = 100
SAFE_NAME = re.compile(r"[a-z0-9_=,.+-]+")
"""Names that every file system holds, whether or not it tells capitals from small letters."""


@dataclass(frozen=True)
class Combination:
    """One training of a sweep.

    Args:
        name: of its folder.
        values: of the options that the sweep goes through.
        recipe: all options.
    """

    name: str
    values: dict[str, OptionValue]
    recipe: Recipe


def combine(base: Recipe, axes: Axes) -> list[Combination]:
    """Every combination of the values; in the order of the options' names, seeds change fastest.

    Raises:
        UserError: if an option is unknown or has no value, a value is invalid or given twice, or
            there are too many combinations.
    """
    if not axes:
        raise UserError(
            "a sweep needs options with several values, such as seed=0,1: reverie sweep "
            f"{base.method} seed=0,1 --data IMAGES --out FOLDER."
        )
    axes = {name: axes[name] for name in sorted(axes, key=lambda name: (name == SEED, name))}
    known = base.flat()
    for name, values in axes.items():
        if name not in known:
            raise UserError(f"{base.method} has no option {name!r}; {nearest(name, known)}")
        if isinstance(values, str) or not isinstance(values, Sequence):
            raise UserError(f"the values of {name} must be a list, not {values!r}.")
        if not values:
            raise UserError(f"{name} has no values: {name}=1,2.")
    count = math.prod(map(len, axes.values()))
    if count > MOST_COMBINATIONS:
        raise UserError(
            f"these are {count:,} trainings, and a sweep has {MOST_COMBINATIONS:,} at most: give "
            "fewer values."
        )
    made = [_combination(base, axes, values) for values in itertools.product(*axes.values())]
    for one in made:
        if sum(other.name == one.name for other in made) > 1:
            raise UserError(f"the values {one.name} are given twice.")
    return made


def _combination(base: Recipe, axes: Axes, values: Iterable[OptionValue]) -> Combination:
    recipe = base.with_options(**dict(zip(axes, values, strict=True)))
    flat = recipe.flat()
    chosen = {name: flat[name] for name in axes}
    return Combination(name_of(chosen), chosen, recipe)


def refuse_axes_given(axes: Iterable[str], given: Iterable[str]) -> None:
    """Raise a UserError if an option is given both as one value and as several."""
    for name in sorted(set(axes) & set(given)):
        raise UserError(f"{name} is given as one value and as several: leave one of them out.")


def axes_from_words(base: Recipe, words: Iterable[str]) -> Axes:
    """Options with their values from words such as `latent_size=2,4,8`.

    Raises:
        UserError: if a word is no option with values.
    """
    parts = (base.data, base.options, base.training)
    kinds = {name: kind for part in parts for name, kind in field_types(type(part)).items()}
    axes: dict[str, list[OptionValue]] = {}
    for word in words:
        option, _, values = word.partition("=")
        name = option.replace("-", "_")
        if name not in kinds:
            raise UserError(f"{base.method} has no option {name!r}; {nearest(name, kinds)}")
        if name in axes:
            raise UserError(f"{name} is given twice: {name}=1,2.")
        if "" in values.split(","):
            raise UserError(f"{word} has an empty value: write {name}=1,2.")
        try:
            axes[name] = [value_from_text(kinds[name], value) for value in values.split(",")]
        except InvalidValue as invalid:
            raise UserError(f"{name} must be {invalid}.") from None
    return axes


def name_of(values: Mapping[str, OptionValue]) -> str:
    """The name of a combination's folder: `latent_size=2,seed=0`.

    It depends on these values alone. Where it had characters that not every file system has, or
    were too long, it ends in a digest.
    """
    name = text_of(values)
    if SAFE_NAME.fullmatch(name) and len(name) <= LONGEST_NAME:
        return name
    digest = hashlib.sha256(json.dumps(plain(values)).encode()).hexdigest()[:8]
    readable = re.sub(r"[^a-z0-9_=,.+-]+", "-", name.lower())[: LONGEST_NAME - len(digest) - 1]
    return f"{readable}-{digest}"


def setting_of(values: Mapping[str, OptionValue]) -> str:
    """Values without the seed, as one text; that of a sweep over seeds alone is `all seeds`."""
    return text_of({k: v for k, v in values.items() if k != SEED}) or "all seeds"


def text_of(values: Mapping[str, OptionValue]) -> str:
    """Values as they are written on the command line."""
    return ",".join(f"{name}={_word(value)}" for name, value in values.items())


def _word(value: OptionValue) -> str:
    if value is None or value == ():
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return "+".join(map(_word, value))
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)


def plain_options(recipe: Recipe) -> dict[str, Json]:
    """All options of a recipe by name, as JSON holds them."""
    return {name: plain(value) for name, value in recipe.flat().items()}
