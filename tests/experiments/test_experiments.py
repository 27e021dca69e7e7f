"""Every experiment: its trainings can be trained, and it draws from trainings of a few steps."""

import importlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import reverie
from reverie.data.sets import faces
from reverie.data.source import set_folder
from reverie.experiments import EXPERIMENTS
from reverie.experiments.experiment import Experiment
from reverie.experiments.reproduce import scaled
from reverie.methods.presets import recipe_for
from reverie.methods.recipe import LENGTHS

BUDGET = 0.0005
SMALLER = {
    "COUNT": 60,
    "EXEMPLARS": 2,
    "CLASSIFIER_STEPS": 3,
    "LARGE_CLASSIFIER_STEPS": 3,
    "SHOWN": 3,
    "BLOCKS": (0,),
    "SIZE": (64, 42),
    "REAL": 12,
}
"""What the modules of experiments draw or measure, for a test."""

FAST = {"vae-latents"}
"""Those that are drawn in the default suite."""


def noise(folder: Path, count: int, size: int) -> None:
    """A folder of images of noise."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(len(folder.name))
    for number in range(count):
        pixels = random.integers(0, 256, (size, size, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:03d}.png")


def few_faces(folder: Path) -> None:
    """Few drawn faces, as `reverie data get faces` lays them."""
    pytest.importorskip("resvg_py")
    pytest.importorskip("python_avatars")
    faces.get_faces(folder, train_count=8, side=32)
    faces.get_labelled_faces(folder, count=200, side=32)


def two_domains(folder: Path) -> None:
    """Noise in two domains with pairs."""
    for part in ("trainA", "trainB", "testA", "testB"):
        noise(folder / part, 12, 32)


SETS: dict[str, Callable[[Path], None]] = {
    "faces": few_faces,
    "emoji": two_domains,
    "emoji-free": two_domains,
    "earth": two_domains,
    "photos": lambda folder: noise(folder, 12, 128),
}
"""What stands for the datasets that an experiment would fetch."""


def every_training() -> list[tuple[str, str]]:
    return [(name, training) for name, e in EXPERIMENTS.items() for training in e.trainings]


@pytest.mark.parametrize(("name", "training"), every_training())
def test_trainings(name: str, training: str) -> None:
    """Options that exist, a length that the budget scales, and an earlier model to start from."""
    trainings = EXPERIMENTS[name].trainings
    one = trainings[training]
    whole, fifth = (
        recipe_for(one.method, one.preset).with_options(**scaled(one, budget, 3)).training
        for budget in (1.0, 0.2)
    )
    assert whole.seed == 3
    lengths = [(getattr(whole, n), getattr(fifth, n)) for n in LENGTHS if getattr(whole, n)]
    assert len(lengths) == 1
    assert lengths[0][1] == pytest.approx(lengths[0][0] / 5, rel=0.01)
    before = list(trainings)[: list(trainings).index(training)]
    assert one.init is None or one.init in before
    assert one.minutes > 0


def test_what_is_said_of_them() -> None:
    for name, experiment in EXPERIMENTS.items():
        assert len(f"{name} {experiment.about}") < 110
        assert experiment.all_minutes <= 120, "a figure takes at most two hours on two cores"


@pytest.mark.parametrize(
    "name", [n if n in FAST else pytest.param(n, marks=pytest.mark.slow) for n in EXPERIMENTS]
)
def test_draws(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From trainings of a few steps: every picture can be read, every figure is a number."""
    experiment = EXPERIMENTS[name]
    monkeypatch.setattr(faces, "TEST_COUNT", 6)
    for dataset in experiment.data:
        SETS[dataset](set_folder(dataset))
    shrink(experiment, monkeypatch)
    result = reverie.reproduce(name, out=tmp_path / name, budget=BUDGET)
    numbers = json.loads((tmp_path / name / "numbers.json").read_text())
    assert numbers["trainings"].keys() == experiment.trainings.keys()
    assert numbers["tables"] == result.tables
    assert result.pictures
    page = result.page.read_text()
    assert page.count("<figure>") == len(result.pictures)
    for picture in result.pictures:
        pixels = reverie.images.read(picture)
        assert pixels.std() > 5, f"{picture.name} shows nothing"
        assert max(pixels.shape) <= 4000
    for table in result.tables.values():
        for row in table.values():
            for value in row.values():
                assert isinstance(value, str | bool | None) or np.isfinite(value)


def shrink(experiment: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an experiment draw and measure less."""
    module = importlib.import_module(experiment.draw.__module__)
    for constant, value in SMALLER.items():
        if isinstance(getattr(module, constant, None), type(value)):
            monkeypatch.setattr(module, constant, value)
