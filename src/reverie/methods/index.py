"""The methods of reverie as their own files describe them, known without PyTorch.

`index.json`, which `scripts/write_index.py` writes, holds their words, options and presets. A
method of another package is imported instead.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, make_dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from reverie.core.errors import UserError, nearest
from reverie.core.option_kinds import kind_from_json
from reverie.core.options import Checked
from reverie.methods import METHODS
from reverie.methods.index_file import FILE, indexed_methods

if TYPE_CHECKING:
    from reverie.methods.options import MethodOptions
    from reverie.methods.recipe import Recipe


@dataclass(frozen=True)
class MethodEntry:
    """A method as the command line describes it; its recipes have its options and their checks."""

    name: str
    about: str
    data_kind: str
    main_options: tuple[str, ...]
    unused_options: tuple[str, ...]
    about_losses: Mapping[str, str]
    presets: Mapping[str, str]
    recipes: Mapping[str | None, "Recipe"]
    """By the preset's name; None for the defaults."""

    def recipe(self, preset: str | None) -> "Recipe":
        """The recipe of a preset, or the defaults, which also stand for `auto` until it has picked.

        Raises:
            UserError: if there is no such preset.
        """
        from reverie.methods.presets import AUTO, DEFAULT, preset_names

        name = None if preset in (AUTO, DEFAULT) else preset
        if name not in self.recipes:
            known = nearest(str(name), preset_names(self.presets))
            raise UserError(f"{self.name} has no preset {name!r}; {known}")
        return self.recipes[name]


def method_entry(name: str) -> MethodEntry:
    """The method called `name`: of the index, or of another package or a notebook, imported.

    Raises:
        UserError: if there is none.
    """
    if name in indexed_methods():
        return _indexed(name)
    kind = METHODS.find(name)
    from reverie.methods.presets import recipe_for

    return MethodEntry(
        name=name,
        about=kind.about,
        data_kind=kind.data_kind,
        main_options=kind.main_options,
        unused_options=kind.unused_options,
        about_losses=kind.about_losses,
        presets={preset: one.about for preset, one in kind.presets.items()},
        recipes={preset: recipe_for(name, preset) for preset in (None, *kind.presets)},
    )


def options_kind(name: str) -> "type[MethodOptions]":
    """The class of a method's options: of a method of reverie one with the same fields and checks,
    which is no class of its module.

    Raises:
        UserError: if there is no such method.
    """
    return type(method_entry(name).recipe(None).options)


def check_current(entry_recipe: "Recipe", preset: str | None) -> None:
    """Raise a UserError if the index has other options than the method itself has.

    It can only be where reverie's own source was changed.
    """
    from reverie.methods.presets import AUTO, recipe_for

    if (
        recipe_for(entry_recipe.method, None if preset == AUTO else preset).flat()
        != entry_recipe.flat()
    ):
        raise UserError(
            f"{FILE.name} is older than the options of {entry_recipe.method}: run python "
            "scripts/write_index.py."
        )


@cache
def _indexed(name: str) -> MethodEntry:
    from reverie.data.options import DataOptions
    from reverie.methods.recipe import Recipe, TrainOptions

    content = indexed_methods()[name]
    kinds = {
        "options": options_class(content["class"], content["options"]),
        "data": DataOptions,
        "training": TrainOptions,
    }

    def recipe(values: Mapping[str, Mapping[str, Any]]) -> Recipe:
        return Recipe(
            method=name, **{part: kind(**values.get(part, {})) for part, kind in kinds.items()}
        )

    presets = content["presets"]
    recipes = {preset: recipe(values) for preset, values in presets.items()}
    return MethodEntry(
        name=name,
        about=content["about"],
        data_kind=content["data_kind"],
        main_options=tuple(content["main_options"]),
        unused_options=tuple(content["unused_options"]),
        about_losses=content["about_losses"],
        presets={preset: one["about"] for preset, one in presets.items()},
        recipes={None: recipe(content["defaults"]), **recipes},
    )


def options_class(name: str, options: Mapping[str, Any]) -> type:
    """A dataclass with the fields and the checks of one whose module imports PyTorch."""
    fields = []
    for key, one in options.items():
        value = one["default"]
        value = tuple(value) if isinstance(value, list) else value
        made = field(default_factory=dict) if isinstance(value, dict) else field(default=value)
        made.metadata = {"help": one["help"]}  # type: ignore[assignment]
        fields.append((key, kind_from_json(one["kind"]), made))
    return make_dataclass(name, fields, bases=(Checked,), frozen=True, kw_only=True)
