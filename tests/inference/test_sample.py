from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from reverie import images
from reverie.core.errors import UserError
from reverie.data import ImageSpec
from reverie.inference.model import Model
from reverie.inference.options import SampleOptions
from reverie.inference.sample import sample_files, sample_images, start_from
from reverie.methods.presets import recipe_for
from reverie.runs.model_folder import build_method


def build(name: str, **options: object) -> Model:
    spec = ImageSpec(1, 16, ("a", "b", "c") if name == "cgan" else ())
    method = build_method(recipe_for(name).with_options(**options), spec)  # type: ignore[arg-type]
    return Model(f"my {name}", name, method.eval())


@pytest.fixture(scope="module")
def model() -> Model:
    return build("cgan", width=4, latent_size=8)


def test_a_folder_of_files_and_a_sheet(model: Model, tmp_path: Path) -> None:
    result = sample_files(model, tmp_path / "out", SampleOptions(count=3, seed=7))
    names = ["000007.png", "000008.png", "000009.png", "grid.png"]
    assert [path.name for path in result.files] == names
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    assert result.summary() == f"3 images: {tmp_path / 'out' / 'grid.png'}"
    made = images.to_uint8(model.sample(3, seed=7))
    for pixels, path in zip(made, result.files, strict=False):
        np.testing.assert_array_equal(images.read(path), pixels)


def test_one_sheet(model: Model, tmp_path: Path) -> None:
    result = sample_files(model, tmp_path / "a.png", SampleOptions(count=4))
    assert result.files == [tmp_path / "a.png"]
    # Two by two images of 16 pixels, magnified four times, with margins of two pixels.
    assert images.read(tmp_path / "a.png").shape == (2 * 66 + 2, 2 * 66 + 2, 1)


def test_an_array(model: Model, tmp_path: Path) -> None:
    """The layout of guided-diffusion's evaluation: `arr_0` uint8 NHWC, `arr_1` labels."""
    options = SampleOptions(count=4, label=("b", "2", "a", "a"))
    sample_files(model, tmp_path / "a.npz", options)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        assert arrays["arr_0"].dtype == np.uint8
        expected = images.to_uint8(model.sample(4, label=["b", 2, 0, 0]))
        np.testing.assert_array_equal(arrays["arr_0"], expected)
        assert arrays["arr_1"].tolist() == [1, 2, 0, 0]
    free = build("vae", hidden=(8,), latent_size=2)
    sample_files(free, tmp_path / "b.npz", SampleOptions(count=2))
    with np.load(tmp_path / "b.npz", allow_pickle=False) as arrays:
        assert list(arrays) == ["arr_0"]


def test_an_image_depends_on_its_own_number(model: Model) -> None:
    options = SampleOptions(count=5, seed=3, label=("b",))
    many = sample_images(model, options)
    alone = sample_images(model, SampleOptions(count=1, seed=5, label=("b",)))
    torch.testing.assert_close(many[2:3], alone, rtol=0, atol=1e-5)
    assert many.dtype == torch.float32
    assert float(many.abs().max()) <= 1


def test_between_two_seeds(model: Model) -> None:
    way = sample_images(model, SampleOptions(count=3, between=(1, 9), label=("a",)))
    ends = [model.sample(1, seed=seed, label="a") for seed in (1, 9)]
    torch.testing.assert_close(way[:1], ends[0], rtol=0, atol=1e-5)
    torch.testing.assert_close(way[2:], ends[1], rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (SampleOptions(steps=3), "steps is for diffusion models, and my cgan is a cgan"),
        (SampleOptions(guidance=2.0), "guidance is for diffusion models"),
        (SampleOptions(label=("d",)), "my cgan has no class 'd'"),
        (SampleOptions(label=("a", "b")), "2 labels for 16"),
        (SampleOptions(count=65, film=Path("a.gif")), "a film shows 64 images at most, not 65"),
        (SampleOptions(film=Path("a.gif")), "callback is for diffusion models"),
        (SampleOptions(mask=Path("a.png")), "name it with --init"),
    ],
)
def test_refusals(model: Model, options: SampleOptions, words: str) -> None:
    with pytest.raises(UserError, match=words):
        sample_images(model, options)


def test_what_diffusion_starts_from(model: Model, tmp_path: Path) -> None:
    left = np.zeros((20, 40, 3), np.uint8)
    left[:, :20] = 255
    Image.fromarray(left).save(tmp_path / "mask.png")
    Image.new("L", (30, 30), 255).save(tmp_path / "image.png")
    start = start_from(model, tmp_path / "image.png", 0.25, tmp_path / "mask.png")
    assert torch.equal(start.image, torch.ones(1, 1, 16, 16))
    assert start.strength == 0.25
    assert start.mask is not None
    assert start.mask.unique().tolist() == [0, 1]
    assert start.mask[..., :7].min() == 1
    assert start.mask[..., 9:].max() == 0
    for strength in (-0.1, 1.1):
        with pytest.raises(UserError, match="--strength must be at"):
            SampleOptions(strength=strength)
    with pytest.raises(UserError, match="no such file"):
        start_from(model, tmp_path / "none.png")


def test_a_film_of_the_steps(tmp_path: Path) -> None:
    model = build("diffusion", width=8)
    options = SampleOptions(count=2, steps=3, film=tmp_path / "a.gif", sampler="ddim")
    made = sample_images(model, options)
    with Image.open(tmp_path / "a.gif") as film:
        assert film.n_frames >= 2  # type: ignore[attr-defined]
    strip = images.read(tmp_path / "a.png")
    assert strip.shape[1] > strip.shape[0]  # a row for each image, a column for each step
    torch.testing.assert_close(made, model.sample(2, steps=3, sampler="ddim"))
