"""What there is to name at the command line, known without PyTorch.

`index.json`, which `scripts/write_index.py` writes, holds what comes with reverie: the commands,
the datasets and the experiments; for methods see `methods/index.py`. A method or dataset of another
package is imported instead. So help, completion and the refusal of mistyped words answer at once.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reverie.cli.index_file import index
from reverie.core.errors import UserError
from reverie.methods.index import method_entry, options_class
from reverie.methods.index_file import indexed_methods

if TYPE_CHECKING:
    from reverie.methods.recipe import Recipe

PARTS = ("options", "data", "training")
"""The parts of a recipe."""


def find_recipe(
    method: str | None, out: Path, preset: str | None, resume: bool, config: Path | None
) -> "Recipe":
    """What a training starts from: see `find_base_recipe`; no method of reverie is imported.

    Raises:
        UserError: if there is no such method, preset, file or run, or it is of another method.
    """
    from reverie.methods.base_recipe import RecipeSources, find_base_recipe
    from reverie.runs.run import find_run

    sources = RecipeSources(
        lambda name, preset: method_entry(name).recipe(preset),
        lambda folder: find_run(folder).described_recipe(),
    )
    return find_base_recipe(sources, method, out, preset, resume, config)


def method_names() -> list[str]:
    """All methods, also those of other packages, which are not imported."""
    from reverie.methods import METHODS

    return list(METHODS)


def about_methods() -> dict[str, str]:
    """All methods in words; those of other packages that cannot be used are left out."""
    from reverie.methods import METHODS

    known = {name: one["about"] for name, one in indexed_methods().items()}
    if set(METHODS) == set(known):
        return known
    return {name: method.about for name, method in METHODS.available().items()}


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
