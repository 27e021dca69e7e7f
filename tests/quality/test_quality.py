"""Every method learns: trained on digits for minutes, it comes much nearer than noise does.

Distances are in the features of the digit classifier, 2,000 samples against the 2,000 test digits.
"""

from pathlib import Path

import numpy as np
import pytest
import torch

import reverie
from reverie.core.image_io import to_tensor
from reverie.data import DataOptions, open_dataset
from reverie.evaluation.metrics.digits import digit_features, recognised
from reverie.evaluation.metrics.frechet import Moments, frechet_distance

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

# What each preset must reach in its minutes on two cores; `benchmarks/quality.py` prints it.
LARGEST_DISTANCE = {"vae": 1.0, "gan": 2.0, "dcgan": 0.31, "cgan": 0.2, "diffusion": 0.4}


@pytest.fixture(autouse=True)
def _all_cores():
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def real() -> Moments:
    test = open_dataset(DataOptions(data="digits", split="test"))
    return Moments.of(digit_features(to_tensor(test.read(np.arange(len(test))))))


def distance(pictures: torch.Tensor, real: Moments) -> float:
    return frechet_distance(Moments.of(digit_features(pictures)), real)


PRESET = {
    "vae": "digits-20",
    "gan": "digits-64",
    "dcgan": "digits",
    "cgan": "digits",
    "diffusion": "digits",
}


@pytest.mark.parametrize("method", PRESET)
def test_it_learns_digits(method: str, real: Moments, tmp_path: Path) -> None:
    untrained = reverie.train(method, preset=PRESET[method], out=tmp_path / "untrained", steps=0)
    noise = torch.rand(2000, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1
    far = min(distance(untrained.load().sample(2000), real), distance(noise, real))
    assert far > 10 * LARGEST_DISTANCE[method]  # what noise and an untrained model miss by far

    run = reverie.train(method, preset=PRESET[method], out=tmp_path / "run")
    model = run.load()
    assert distance(model.sample(2000), real) < LARGEST_DISTANCE[method]
    if model.class_names:
        asked, guidance = model.labels(1000), {"guidance": 2.0} if method == "diffusion" else {}
        least = 0.99 if method == "diffusion" else 0.95
        assert (recognised(model.sample(1000, **guidance)) == asked).float().mean() >= least


def test_todays_recipe_beats_that_of_2015(real: Moments, tmp_path: Path) -> None:
    """The same networks, pictures and steps."""
    same = {"data": "digits", "width": 32, "batch_size": 64, "steps": 1500, "clusters": 0}
    paper = reverie.train("dcgan", preset="paper", out=tmp_path / "paper", **same)
    modern = reverie.train("dcgan", preset="digits", out=tmp_path / "modern", **same)
    distances = [distance(run.load().sample(2000), real) for run in (modern, paper)]
    assert distances[0] < 0.7 * distances[1]
