from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image
from torch import Tensor

import reverie
from reverie.core.errors import UserError
from reverie.data import ImageSpec
from reverie.inference.image_forms import converted, fitted
from reverie.inference.model import Model

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)


def doubled(images: Tensor) -> Tensor:
    return images.repeat_interleave(2, 2).repeat_interleave(2, 3)


def negative(images: Tensor) -> Tensor:
    return -images


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1"])
def test_images_of_pillow(mode: str) -> None:
    image = Image.fromarray(PIXELS).convert(mode)
    made = converted(image, doubled)
    assert isinstance(made, Image.Image)
    wanted = image.convert("L" if mode in ("L", "1") else "RGB")
    assert made.mode == wanted.mode
    assert (np.asarray(made) == np.asarray(wanted.resize((16, 12), 0))).all()


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_the_alpha_channel_is_kept(mode: str) -> None:
    image = Image.fromarray(PIXELS).convert(mode)
    alpha = Image.fromarray(PIXELS[..., 0])
    image.putalpha(alpha)
    made = converted(image, negative)
    assert made.mode == mode
    assert (np.asarray(made.getchannel("A")) == PIXELS[..., 0]).all()
    colour = np.asarray(image)[..., :-1]
    assert (np.asarray(made)[..., :-1] == 255 - colour).all()
    assert converted(image, doubled).size == (16, 12)


def test_paths_are_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.fromarray(PIXELS).save(tmp_path / "a.png", exif=exif)
    made = converted(str(tmp_path / "a.png"), negative)
    assert (np.asarray(made) == 255 - np.rot90(PIXELS, -1)).all()
    assert converted(tmp_path / "a.png", negative).size == (6, 8)
    with Image.open(tmp_path / "a.png") as image:
        assert converted(image, negative).size == (6, 8)


@pytest.mark.parametrize(
    "pixels", [PIXELS, PIXELS[..., 0], PIXELS[..., :1], PIXELS[None], PIXELS[None, ..., :1]]
)
def test_arrays(pixels: np.ndarray) -> None:
    made = converted(pixels, negative)
    assert made.dtype == np.uint8
    assert (made == 255 - pixels).all()
    assert made.shape == pixels.shape


def test_lists() -> None:
    made = converted([PIXELS, Image.fromarray(PIXELS)], negative)
    assert [type(one) for one in made] == [np.ndarray, Image.Image]
    assert converted([], negative) == []


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (5, "an image is one of Pillow's, a path, an array or a tensor, not a int"),
        (PIXELS / 255, "holds uint8 from 0 to 255, not float64"),
        (np.zeros((4, 4, 4), np.uint8), r"shape \[4, 4, 4\] is no image"),
        (np.zeros((0, 4, 3), np.uint8), "is no image"),
        ([torch.zeros(3, 4, 4)], "tensors are given by themselves"),
        ("nothing.png", "nothing.png"),
    ],
)
def test_other_forms_are_refused(image: Any, message: str) -> None:
    for function in (lambda: converted(image, negative), lambda: fitted(image, ImageSpec(3, 4))):
        with pytest.raises(UserError, match=message):
            function()


def test_fitting() -> None:
    spec = ImageSpec(1, 4)
    images = fitted([PIXELS, Image.fromarray(PIXELS)], spec)
    assert images.shape == (2, 1, 4, 4)
    assert torch.equal(images[0], images[1])
    assert fitted(PIXELS[None].repeat(3, 0), spec).shape == (3, 1, 4, 4)
    with pytest.raises(UserError, match="no images"):
        fitted([], spec)


@pytest.fixture(scope="module")
def upscaler() -> Model:
    return reverie.load("photos-x4")


def test_upscaling(upscaler: Model, tmp_path: Path) -> None:
    tensor = reverie.images.to_tensor(PIXELS[None])
    exact = reverie.images.to_uint8(upscaler.upscale(tensor))[0]
    image = Image.fromarray(PIXELS)
    image.save(tmp_path / "a.png")
    assert (upscaler.upscale(PIXELS) == exact).all()
    for form in (image, tmp_path / "a.png", str(tmp_path / "a.png")):
        assert (np.asarray(upscaler.upscale(form)) == exact).all()
    assert [one.size for one in upscaler.upscale([image], tile=64)] == [(32, 24)]


def test_encoding(photos: Callable[..., Path], tmp_path: Path) -> None:
    short = {"steps": 1, "batch_size": 2, "image_size": 16, "hidden": (8,), "device": "cpu"}
    model = reverie.load(reverie.train("vae", data=photos(3), out=tmp_path / "run", **short).folder)
    files = sorted(photos(3).glob("*.png"))
    latents = model.encode([*files])
    assert latents.shape[0] == 3
    assert torch.allclose(latents[:1], model.encode(str(files[0])), atol=1e-6)
    assert torch.allclose(latents[1:2], model.encode(np.asarray(Image.open(files[1]))), atol=1e-6)


def test_translating(photos: Callable[..., Path], tmp_path: Path) -> None:
    short = {"steps": 1, "batch_size": 1, "width": 4, "blocks": 1, "image_size": 24}
    run = reverie.train(
        "pix2pix", data=photos(3), pair_by="grey", out=tmp_path / "run", device="cpu", **short
    )
    model = reverie.load(run.folder)
    exact = model.translate(reverie.images.to_tensor(PIXELS[None]))
    made = model.translate(Image.fromarray(PIXELS))
    assert made.size == (8, 6)
    assert (np.asarray(made) == reverie.images.to_uint8(exact)[0]).all()
    assert (model.translate(PIXELS, "ab", seed=1) == np.asarray(made)).all()
