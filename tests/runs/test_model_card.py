import ast
import json
import re
from pathlib import Path

import pytest

from reverie.data import open_dataset
from reverie.methods.presets import recipe_for
from reverie.runs.model_card import model_card
from reverie.runs.run import Run

yaml = pytest.importorskip("yaml")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path / "my run")


def card(run: Run, method: str, **options: object) -> str:
    recipe = recipe_for(method).with_options(data="digits", seed=5, **options)  # type: ignore[arg-type]
    run.begin(recipe, open_dataset(recipe.data))
    return model_card(recipe, run)


def test_the_front_matter_is_the_hubs(run: Run) -> None:
    _, front, _ = card(run, "cgan").split("---\n", 2)
    assert yaml.safe_load(front) == {
        "library_name": "reverie",
        "tags": ["image-generation", "cgan"],
    }


def test_the_facts_are_the_runs(run: Run) -> None:
    run.folder.mkdir()
    speed = {"seconds": 90.0, "images_per_second": 853.3, "waiting_share": 0.0}
    run.log({"step": 1200, "images_seen": 76800, "losses": {}} | speed)
    text = card(run, "cgan")
    for words in (
        "# my run",
        "28×28 pixels, grayscale",
        "8,000 images",
        "1,200 steps",
        "76,800 images seen",
        "1.5 minutes, seed\n5",
        run.facts()["data_fingerprint"],
    ):
        assert words in text


def test_without_a_log(run: Run) -> None:
    assert "0 steps" in card(run, "vae")


@pytest.mark.parametrize(
    ("method", "call"),
    [
        ("vae", "model.sample(16, seed=7)"),
        ("cgan", "model.sample(16, seed=7, label=0)"),
        ("cyclegan", "reverie.translate(model, "),
        ("srresnet", "reverie.upscale("),
    ],
)
def test_the_snippet_fits_the_method(run: Run, method: str, call: str) -> None:
    text = card(run, method, image_size=28)
    (snippet,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    ast.parse(snippet)
    assert call in snippet
    (options,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    assert json.loads(options) == json.loads(json.dumps(run.facts()["options"]))
