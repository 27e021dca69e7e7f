"""What there is to name at the command line, known without PyTorch.

`index.json`, which `scripts/write_index.py` writes, holds what comes with reverie: the commands,
the methods with their options and presets, the datasets and the experiments. A method or dataset of
another package is imported instead. So help, completion and the refusal of mistyped words answer at
once.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field, make_dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reverie.cli.index_file import FILE, index
from reverie.cli.option_kinds import kind_from_json
from reverie.core.errors import UserError, in_file, nearest
from reverie.core.files import read_json
from reverie.core.options import Checked
from reverie.runs.place import OPTIONS_FILE, RESTORE

if TYPE_CHECKING:
    from reverie.methods.recipe import Recipe

PARTS = ("options", "data", "training")
"""The parts of a recipe."""


@dataclass(frozen=True)
class MethodEntry:
    """A method as the command line describes it; its recipes have its options and their checks."""

    name: str
    about: str
    data_kind: str
    main_options: tuple[str, ...]
    unused_options: tuple[str, ...]
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
    from reverie.methods import METHODS

    if name in index()["methods"]:
        return _indexed(name)
    kind = METHODS.find(name)
    from reverie.methods.presets import recipe_for

    return MethodEntry(
        name=name,
        about=kind.about,
        data_kind=kind.data_kind,
        main_options=kind.main_options,
        unused_options=kind.unused_options,
        presets={preset: one.about for preset, one in kind.presets.items()},
        recipes={preset: recipe_for(name, preset) for preset in (None, *kind.presets)},
    )


def find_recipe(
    method: str | None, out: Path, preset: str | None, resume: bool, config: Path | None
) -> "Recipe":
    """What a training starts from: see `find_base_recipe`; no method of reverie is imported.

    Raises:
        UserError: if there is no such method, preset, file or run, or it is of another method.
    """
    from reverie.methods.base_recipe import RecipeSources, find_base_recipe

    sources = RecipeSources(lambda name, preset: method_entry(name).recipe(preset), _recipe_of_run)
    return find_base_recipe(sources, method, out, preset, resume, config)


def _recipe_of_run(folder: Path) -> "Recipe":
    from reverie.methods.presets import recipe_from_json, refuse_absent_method

    file = folder / OPTIONS_FILE
    content = read_json(file)
    if isinstance(method := content.get("method"), str):
        refuse_absent_method(method, content)  # which is no damage of the file
    with in_file(file, RESTORE):
        return recipe_from_json(content, lambda name: type(method_entry(name).recipe(None).options))


def method_names() -> list[str]:
    """All methods, also those of other packages, which are not imported."""
    from reverie.methods import METHODS

    return list(METHODS)


def about_methods() -> dict[str, str]:
    """All methods in words; those of other packages that cannot be used are left out."""
    from reverie.methods import METHODS

    known = {name: one["about"] for name, one in index()["methods"].items()}
    if set(METHODS) == set(known):
        return known
    return {name: method.about for name, method in METHODS.available().items()}


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

    content = index()["methods"][name]
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


@dataclass(frozen=True)
class DatasetEntry:
    """A dataset as the command line describes it; `options` is None if it is not fetched."""

    name: str
    about: str
    options: object | None


def dataset_entry(name: str) -> DatasetEntry:
    """The dataset called `name`; one of another package is imported.

    Raises:
        UserError: if there is none.
    """
    from reverie.data.sets import DATASETS

    if name in index()["datasets"]:
        content = index()["datasets"][name]
        if not content["fetched"]:
            return DatasetEntry(name, content["about"], None)
        kind = options_class(content["class"], content["options"])
        return DatasetEntry(name, content["about"], kind())
    dataset = DATASETS.find(name)
    return DatasetEntry(name, dataset.about, dataset.options if dataset.fetch else None)


def dataset_entries() -> dict[str, DatasetEntry]:
    """All datasets; those of other packages that cannot be used are left out."""
    from reverie.core import progress
    from reverie.data.sets import DATASETS

    found = {}
    for name in DATASETS:
        try:
            found[name] = dataset_entry(name)
        except UserError as error:
            progress.warn(str(error))
    return found


def fetch_options(name: str, options: object) -> Any:
    """The options of a dataset, as its own class, from those of its entry."""
    from reverie.data.sets import DATASETS

    values = {f.name: getattr(options, f.name) for f in dataclasses.fields(options)}  # type: ignore[arg-type]
    return type(DATASETS[name].options)(**values)
