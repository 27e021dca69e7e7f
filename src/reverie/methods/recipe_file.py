"""Recipes as files: a method and its options in TOML or JSON, or the `options.json` of a run.

A TOML file is one table of options by their plain names, as `batch_size = 64`; what is left out has
the default of the method or, with `preset`, of that preset.
"""

import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from reverie.core.errors import UserError
from reverie.core.files import parse_json
from reverie.core.options import OptionValue
from reverie.core.result import Json, plain
from reverie.methods.presets import recipe_for, refuse_absent_method
from reverie.methods.recipe import Recipe

PARTS = {"data": "Dataset", "training": "Training", "options": "Method"}
"""The tables of a run's options, and their headings."""

OF_A_RUN = "options.json"
LARGEST = 2**20
"""Bytes of a file."""


def read_recipe(
    path: Path,
    method: str | None = None,
    of_preset: Callable[[str, str | None], Recipe] = recipe_for,
) -> Recipe:
    """The recipe in a file, or of a run's folder.

    Args:
        path: a .toml or .json file, or a run.
        method: the method that is asked for, which must be the file's; a file without one is for
            any.
        of_preset: looks up the recipe that the file changes, by method and preset.

    Raises:
        UserError: if the file is damaged, is for another method, or an option does not exist or
            has a value that does not fit.
    """
    file = path / OF_A_RUN if path.is_dir() else path
    content = _read(file)
    values = _flat(content)
    name, preset = values.pop("method", method), values.pop("preset", None)
    if not isinstance(name, str):
        raise UserError(f'{file}: it does not say which method is trained, as method = "vae".')
    if method not in (None, name):
        raise UserError(f"{file}: this is the recipe of a {name}, not of a {method}.")
    if not isinstance(preset, str | None):
        raise UserError(f"{file}: preset must be the name of a preset.")
    try:
        refuse_absent_method(name, content)
        return of_preset(name, preset).with_options(**values)
    except UserError as error:
        raise UserError(f"{file}: {error}") from None


def _read(file: Path) -> dict[str, Json]:
    if file.suffix.lower() not in (".toml", ".json"):
        raise UserError(f"{file}: a recipe is a .toml or a .json file, or the folder of a run.")
    if not file.is_file():
        raise UserError(f"{file}: there is no such file; --print-config writes a recipe.")
    try:
        with open(file, "rb") as stream:
            text = stream.read(LARGEST).decode()
        content = tomllib.loads(text) if file.suffix.lower() == ".toml" else parse_json(text)
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{file}: the recipe cannot be read ({error}).") from None
    if not isinstance(content, dict):
        raise UserError(f"{file}: a recipe is one table of options by their names.")
    return content


def _flat(content: Mapping[str, Json]) -> dict[str, OptionValue]:
    """Options by their names, whether they stand in tables or not; facts of a run are left out."""
    is_run = isinstance(content.get("pictures"), dict)
    values: dict[str, OptionValue] = {}
    for name, value in content.items():
        if name in PARTS and isinstance(value, dict):
            values |= {key.replace("-", "_"): one for key, one in value.items()}
        elif not is_run or name == "method":
            values[name.replace("-", "_")] = value
    return values


def recipe_as_toml(recipe: Recipe) -> str:
    """A recipe as `read_recipe` reads it; options without a value are left out."""
    lines = [f"method = {_toml(recipe.method)}"]
    for part, heading in PARTS.items():
        values = plain(getattr(recipe, part))
        assert isinstance(values, dict)
        given = {name: value for name, value in values.items() if value is not None}
        lines += ["", f"# {heading}", *(f"{name} = {_toml(v)}" for name, v in given.items())]
    return "\n".join(lines)


def _toml(value: Json) -> str:
    if isinstance(value, Mapping):
        inner = (f"{json.dumps(str(key))} = {_toml(one)}" for key, one in value.items())
        return f"{{ {', '.join(inner)} }}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(_toml, value))}]"
    # JSON's text, numbers, true and false are TOML's, but for one control character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
