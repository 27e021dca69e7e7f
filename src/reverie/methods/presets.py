"""Recipes by name: a method's presets stand at the foot of its file; here they are looked up."""

import dataclasses
from typing import TypeVar

from reverie.core.errors import UserError, nearest
from reverie.core.result import Json
from reverie.data import DataOptions
from reverie.methods import METHODS
from reverie.methods.recipe import Recipe, TrainOptions

T = TypeVar("T")


def recipe_for(method: str, preset: str | None = None) -> Recipe:
    """A method's recipe: the named preset, or its defaults.

    Raises:
        UserError: if there is no such method or preset.
    """
    kind = METHODS.find(method)
    if preset is not None and preset not in kind.presets:
        known = nearest(preset, kind.presets) if kind.presets else "it has none."
        raise UserError(f"{method} has no preset {preset!r}; {known}")
    chosen = kind.default_preset() if preset is None else kind.presets[preset]
    return Recipe(method=method, options=chosen.options, data=chosen.data, training=chosen.training)


def recipe_from_json(content: dict[str, Json]) -> Recipe:
    """The recipe that `Recipe.to_json` wrote.

    Raises:
        UserError: if its method is not installed, or a part names an option that does not exist.
        KeyError, TypeError: if a part is missing or of another form.
    """
    name, package = str(content["method"]), content.get("package")
    return Recipe(
        method=name,
        options=options_from_json(installed_method(name, package).Options, content["options"]),
        data=options_from_json(DataOptions, content["data"]),
        training=options_from_json(TrainOptions, content["training"]),
    )


def installed_method(name: str, package: Json = None):
    """The method called `name`, built in or of the plugin `package`.

    Raises:
        UserError: if there is none; it says what to install.
    """
    if package is not None and name not in METHODS:
        remedy = (
            f"register its class first, with reverie.METHODS.register({name!r}, ...)"
            if package == "__main__"
            else f"pip install {package}"
        )
        raise UserError(f"the method {name!r} is not built in and its plugin is absent: {remedy}.")
    return METHODS.find(name)


def options_from_json(kind: type[T], content: Json) -> T:
    """Options dataclass from its JSON representation; lists become tuples.

    Raises:
        UserError: if `content` has an unknown option.
    """
    if not isinstance(content, dict):
        raise TypeError("options are an object")
    known = {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = set(content) - known
    if unknown:
        raise UserError(
            f"the options name {', '.join(sorted(unknown))}, which this version does not have: "
            "update reverie, or use the version that made the file."
        )
    values = {key: tuple(v) if isinstance(v, list) else v for key, v in content.items()}
    return kind(**values)
