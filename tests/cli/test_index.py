import dataclasses
import json
import subprocess
import sys
from typing import Annotated, Any, Literal

import pytest

from reverie.cli.index import (
    about_methods,
    check_current,
    dataset_entries,
    fetch_options,
    method_entry,
)
from reverie.cli.index_file import index
from reverie.cli.main import COMMANDS
from reverie.cli.option_kinds import kind_from_json, kind_to_json
from reverie.core.errors import UserError
from reverie.core.option_help import help_of
from reverie.core.options import AtLeast, Below, DecayRate, LayerSize, Length, field_types
from reverie.data import DATASETS
from reverie.experiments import EXPERIMENTS
from reverie.methods import METHODS
from reverie.methods.presets import recipe_for

AT_ONCE = [
    [],
    ["--help"],
    ["--version"],
    ["--completion", "bash"],
    ["--complete", "train", "vae", "--"],
    *([*name.split(), "--help"] for name in COMMANDS),
    *(["help", topic] for topic in ("methods", "data", "options", "exit-codes", "environment")),
    ["train"],
    ["methods"],
    ["data", "list"],
    ["reproduce"],
    ["train", "vae", "--help"],
    ["train", "cyclegan", "--help-all"],
    ["sweep", "vae", "--help"],
    ["data", "get", "faces", "--help"],
    ["trian"],
    ["train", "vea"],
    ["train", "vae", "--widht", "3"],
    ["train", "vae", "--latent-size", "x", "--out", "x"],
    ["train", "vae", "--latent-size", "0", "--out", "x"],
    ["train", "vae", "--data", "digits"],
    ["train", "vae", "--preset", "digit", "--out", "x"],
    ["train", "vae", "--data", "nowhere", "--out", "x"],
    ["train", "vae", "--data", "photos", "--out", "x"],
    ["train", "vae", "--out", "nowhere", "--resume"],
    ["train", "--config", "nowhere.toml", "--out", "x"],
    ["sweep", "vae", "latent_sise=2,4", "--out", "x"],
    ["sample"],
    ["sample", "nowhere"],
    ["sample", "digits", "--cuont", "3"],
    ["info", "nowhere"],
    ["data", "get", "emojis"],
    ["data", "check", "nowhere"],
    ["reproduce", "glases"],
]
"""Commands that compute nothing, and mistakes."""

SCRIPT = """
import json, sys
from reverie.cli.main import main
for words in json.loads(sys.argv[1]):
    try:
        main(words)
    except SystemExit:
        pass
    if "torch" in sys.modules:
        sys.exit(f"PyTorch was imported by {words}")
"""


def test_what_computes_nothing_imports_no_pytorch(environment: dict[str, str], tmp_path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(AT_ONCE)],
        capture_output=True, text=True, env=environment, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_index_has_what_there_is() -> None:
    assert list(index()["commands"]) == list(COMMANDS)
    assert list(index()["methods"]) == list(METHODS)
    assert list(index()["datasets"]) == list(DATASETS)
    assert list(index()["experiments"]) == list(EXPERIMENTS)


@pytest.mark.parametrize("name", list(METHODS))
def test_an_entry_is_the_method_itself(name: str) -> None:
    entry, method = method_entry(name), METHODS[name]
    assert (entry.about, entry.data_kind) == (method.about, method.data_kind)
    assert entry.presets == {preset: one.about for preset, one in method.presets.items()}
    for preset in (None, *method.presets):
        mine, own = entry.recipe(preset), recipe_for(name, preset)
        assert mine.flat() == own.flat()
        assert mine.to_json() == own.to_json()
        check_current(mine, preset)
    kind = type(entry.recipe(None).options)
    assert kind.__name__ == method.Options.__name__
    marks = {n: repr(k).replace("typing.", "") for n, k in field_types(method.Options).items()}
    for field in dataclasses.fields(kind):
        assert help_of(kind, field.name) == help_of(method.Options, field.name)
        shown = repr(field_types(kind)[field.name]).replace("typing.", "")
        assert shown.count("limit") == marks[field.name].count("limit")
    fields = {field.name for field in dataclasses.fields(method.Options)}
    assert set(method.main_options) <= fields
    assert method.main_options
    assert set(method.unused_options) <= fields - set(method.main_options)


def test_an_entry_has_the_checks_of_the_method() -> None:
    options = type(method_entry("vae").recipe(None).options)
    with pytest.raises(UserError, match="--latent-size must be at least 1, not 0"):
        options(latent_size=0)
    with pytest.raises(UserError, match="--network must be one of auto, linear, convolutional"):
        options(network="round")
    with pytest.raises(UserError, match="vae has no preset 'digits-3'; did you mean"):
        method_entry("vae").recipe("digits-3")
    with pytest.raises(UserError, match="gan has no preset 'x'"):
        method_entry("gan").recipe("x")
    with pytest.raises(UserError, match="no method 'vea'; did you mean 'vae'"):
        method_entry("vea")


def test_a_stale_index_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = method_entry("vae").recipe(None)
    other = dataclasses.replace(recipe.options, latent_size=3)
    with pytest.raises(UserError, match=r"index.json is older than .* scripts/write_index\.py"):
        check_current(dataclasses.replace(recipe, options=other), None)


def test_a_method_of_a_notebook_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = type("Mine", (METHODS["vae"],), {"about": "mine", "presets": {}})
    monkeypatch.setattr(METHODS, "_registered", {"mine": kind})
    entry = method_entry("mine")
    assert (entry.about, entry.recipes[None]) == ("mine", recipe_for("mine"))
    assert about_methods()["mine"] == "mine"


def test_datasets() -> None:
    entries = dataset_entries()
    assert entries["digits"].options is None  # it is not fetched
    for name, dataset in DATASETS.items():
        assert entries[name].about == dataset.about
        if dataset.fetch is not None:
            assert fetch_options(name, entries[name].options) == dataset.options


@pytest.mark.parametrize(
    "kind",
    [
        int, str, bool, DecayRate, LayerSize, int | None, Literal["a", 2], dict[str, Any],
        tuple[Literal["x"], ...], Annotated[tuple[LayerSize, ...], Length(1, 3)],
        tuple[int, float], Annotated[float, AtLeast(0), Below(1)] | None,
    ],
)  # fmt: skip
def test_types_come_back_from_json(kind: Any) -> None:
    assert kind_from_json(json.loads(json.dumps(kind_to_json(kind)))) == kind


def test_an_unknown_type_is_noticed() -> None:
    with pytest.raises(NotImplementedError):
        kind_to_json(list[int])
    with pytest.raises(NotImplementedError):
        kind_to_json(Annotated[int, "a mark"])
