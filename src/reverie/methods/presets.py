"""Recipes by name: a method's presets stand at the foot of its file; here they are looked up."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from reverie.core.errors import UserError, nearest
from reverie.core.options import options_from_json
from reverie.core.result import Json
from reverie.data.options import DataOptions
from reverie.methods import METHODS
from reverie.methods.recipe import Recipe, TrainOptions

if TYPE_CHECKING:
    from reverie.methods import MethodOptions
    from reverie.methods.base import Method

AUTO = "auto"
"""Picks a preset by device, image size and number of images, see `choice`."""

DEFAULT = "default"
"""The preset of every method that holds its defaults."""


def preset_names(presets: Iterable[str]) -> list[str]:
    """What a preset may be called: the method's own, and what every method has."""
    return [*presets, DEFAULT, AUTO]


def recipe_for(method: str, preset: str | None = None) -> Recipe:
    """A method's recipe: the named preset, or its defaults.

    Raises:
        UserError: if there is no such method or preset.
    """
    kind = METHODS.find(method)
    if preset == AUTO:
        raise UserError(
            f"the preset {AUTO} picks one for a single new training: name a preset of {method} "
            f"here, as {DEFAULT}."
        )
    if preset not in (None, DEFAULT, *kind.presets):
        raise UserError(
            f"{method} has no preset {preset!r}; {nearest(str(preset), preset_names(kind.presets))}"
        )
    chosen = kind.presets.get(preset or DEFAULT) or kind.default_preset()
    return Recipe(method=method, options=chosen.options, data=chosen.data, training=chosen.training)


def recipe_from_json(
    content: dict[str, Json], options_of: "Callable[[str], type[MethodOptions]] | None" = None
) -> Recipe:
    """The recipe that `Recipe.to_json` wrote.

    Args:
        content: what it wrote.
        options_of: from a method's name to the class of its options; by default the method's own.

    Raises:
        UserError: if its method is not installed, or a part is missing, names an option that does
            not exist or has a value that does not fit.
    """
    name = content.get("method")
    if not isinstance(name, str):
        raise UserError("the entry method is missing or is no name.")
    refuse_absent_method(name, content)
    kind = METHODS.find(name).Options if options_of is None else options_of(name)
    return Recipe(
        method=name,
        options=options_from_json(kind, content.get("options")),
        data=options_from_json(DataOptions, content.get("data")),
        training=options_from_json(TrainOptions, content.get("training")),
    )


def installed_method(name: str, origin: Mapping[str, Json]) -> "type[Method]":
    """The method called `name`, built in, of a plugin or registered by hand.

    Args:
        name: a name in `METHODS`.
        origin: where it came from when a file was written, as `plugin_of` returns it.

    Raises:
        UserError: if there is none; it says what to install or to register.
    """
    refuse_absent_method(name, origin)
    return METHODS.find(name)


def refuse_absent_method(name: str, origin: Mapping[str, Json]) -> None:
    """Raise a UserError if there is no method `name` here; see `installed_method`."""
    package, path = origin.get("package"), origin.get("class")
    if name in METHODS:
        return
    if package is None:
        raise UserError(f"there is no method {name!r}; {nearest(name, METHODS)}")
    remedy = f"pip install {package}"
    if package == "__main__":
        remedy = f"register its class first, with reverie.METHODS.register({name!r}, ...)"
    elif path is not None:
        kind = str(path).rsplit(".", 1)[-1]
        remedy = f"import {path} and register it, with reverie.METHODS.register({name!r}, {kind})"
    raise UserError(f"the method {name!r} is not built in and its plugin is absent: {remedy}.")
