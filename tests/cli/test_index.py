import json
import subprocess
import sys

import pytest

from reverie.cli.index import about_methods, dataset_entries, fetch_options
from reverie.cli.index_file import index
from reverie.cli.main import COMMANDS
from reverie.data import DATASETS
from reverie.experiments import EXPERIMENTS
from reverie.methods import METHODS
from reverie.methods.index import method_entry
from reverie.methods.index_file import indexed_methods
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
    assert list(indexed_methods()) == list(METHODS)
    assert list(index()["datasets"]) == list(DATASETS)
    assert list(index()["experiments"]) == list(EXPERIMENTS)


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
