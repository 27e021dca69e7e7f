from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import reverie
from reverie.core.errors import UserError
from reverie.data import ImageSpec
from reverie.methods.gan.dcgan import DCGAN, DCGANOptions
from reverie.methods.gan.networks import ClusterGenerator, Generator
from reverie.runs.run import Run

TINY = {
    "image_size": 16,
    "width": 4,
    "latent_size": 8,
    "batch_size": 8,
    "ema_decay": 0.5,
    "augment": (),
}


@pytest.fixture
def shades(tmp_path: Path) -> Path:
    """Thirty dark images and ten bright ones, with noise."""
    folder = tmp_path / "shades"
    folder.mkdir()
    random = np.random.default_rng(0)
    for number in range(40):
        pixels = random.integers(0, 40, (16, 16)) + (200 if number >= 30 else 0)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number:02}.png")
    return folder


def test_clusters_of_the_training_images(shades: Path, tmp_path: Path) -> None:
    """They are found before the first step, kept by checkpoints, and chosen in their shares."""
    options = TINY | {"data": str(shades), "clusters": 2}
    run = reverie.train("dcgan", out=tmp_path / "run", steps=40, **options)  # type: ignore[arg-type]
    model = run.load()
    method = model.method
    assert isinstance(method, DCGAN)
    assert isinstance(method.generator, ClusterGenerator)
    assert method.clusters is None  # only training needs them
    assert abs(float(method.generator.bounds)) == pytest.approx(0.674, abs=0.01)  # of 3 to 1
    assert model.sample(3, seed=0).shape == (3, 1, 16, 16)
    resumed = reverie.train(out=tmp_path / "run", resume=True, steps=41)
    assert resumed.steps == 41
    checkpoint = Run(tmp_path / "run").newest_checkpoint()
    assert checkpoint is not None
    centroids = checkpoint.tensors["method.clusters.centroids"]
    assert sorted(centroids.mean(1).tolist()) == pytest.approx([-0.85, 0.72], abs=0.03)
    again = reverie.train("dcgan", out=tmp_path / "again", steps=41, **options)  # type: ignore[arg-type]
    same = again.load().method.state_dict()
    for name, tensor in resumed.load().method.state_dict().items():
        assert torch.equal(tensor, same[name]), name


def test_an_encoder_of_a_generator_with_clusters(shades: Path, tmp_path: Path) -> None:
    options = TINY | {"data": str(shades), "clusters": 2}
    run = reverie.train("dcgan", out=tmp_path / "run", steps=2, **options)  # type: ignore[arg-type]
    encoder = {"init": str(tmp_path / "run"), "data": str(shades), "steps": 2, "width": 4}
    with pytest.raises(UserError, match="16×16 pixels and 1 channel: train its encoder"):
        reverie.train("encoder", out=tmp_path / "e", image_size=32, **encoder)  # type: ignore[arg-type]
    reverie.train("encoder", out=tmp_path / "e", image_size=16, **encoder)  # type: ignore[arg-type]
    latents = torch.randn(4, 8, generator=torch.Generator().manual_seed(0))
    ours, theirs = reverie.load(tmp_path / "e").generate(latents), run.load().generate(latents)
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("clusters", [0, 1])
def test_fewer_than_two_clusters_are_none(clusters: int) -> None:
    options = DCGANOptions(width=4, latent_size=8, clusters=clusters)
    assert isinstance(DCGAN(options, ImageSpec(1, 16)).generator, Generator)
