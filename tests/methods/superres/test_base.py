"""What SRResNet, SRGAN and ESRGAN learn from."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import reverie
from reverie import images
from reverie.core.errors import UserError
from reverie.core.rng import Rng
from reverie.data import Batch, Batches, DataOptions, ImageSpec
from reverie.data.cache import RaggedImages
from reverie.data.dataset import decode_dataset, find_dataset
from reverie.methods.superres.degradation import downscale
from reverie.methods.superres.srgan import SRGAN, SRGANOptions
from reverie.nn.backbones import find_backbone
from reverie.nn.backbones.backbone import Backbone
from reverie.nn.backbones.vgg import VGG
from reverie.nn.perceptual import content_difference

chelsea = pytest.importorskip("skimage.data").chelsea

TINY = {"width": 4, "blocks": 1, "network": "compact"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Large pictures of different sizes, and small ones of the same names."""
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path / "cache"))
    pixels = chelsea()
    for name, part in {"a": pixels[:160, :200], "b": pixels[100:260, 40:400]}.items():
        for side in ("large", "small"):
            (tmp_path / side).mkdir(exist_ok=True)
        Image.fromarray(part).save(tmp_path / "large" / f"{name}.png")
        small = downscale(images.to_tensor(part[None]), 4)
        images.save(small[0], tmp_path / "small" / f"{name}.png")
    return tmp_path


def test_crops_come_from_pictures_decoded_once(folder: Path, monkeypatch: Any) -> None:
    options = DataOptions(data=str(folder / "large"), image_size=64, resize="none", flip=True)
    pictures = decode_dataset(find_dataset(options, "degraded", 4))
    assert isinstance(pictures.pixels, RaggedImages)
    assert [p.shape for p in (pictures.pixels[0], pictures.pixels[1])] == [
        (160, 200, 3),
        (160, 360, 3),
    ]
    first = Batches(pictures, 4, seed=3).read(7)
    monkeypatch.setattr("reverie.core.image_io.read", lambda *a, **k: pytest.fail("decoded twice"))
    again = decode_dataset(find_dataset(options, "degraded", 4))
    assert torch.equal(Batches(again, 4, seed=3).read(7).images, first.images)
    assert first.images.shape == (4, 3, 64, 64)
    assert len(first.low_res) == 0


def test_given_pairs_show_the_same_place(folder: Path) -> None:
    options = DataOptions(
        data=str(folder / "large"), data_b=str(folder / "small"), image_size=64, resize="none"
    )
    pictures = decode_dataset(find_dataset(options, "degraded", 4))
    for number in range(4):
        batch = Batches(pictures, 4, seed=0).read(number)
        assert batch.low_res.shape == (4, 3, 16, 16)
        # But for the edges, where the small picture knew what lies beyond.
        inner = downscale(batch.images, 4)[..., 2:-2, 2:-2] - batch.low_res[..., 2:-2, 2:-2]
        assert inner.abs().max() < 0.02
    with pytest.raises(UserError, match=r"2 images not 2 times as large.*a.png \(200×160 and"):
        find_dataset(options, "degraded", 2)
    (folder / "small" / "a.png").unlink()
    with pytest.raises(UserError, match="without a counterpart of the same name"):
        find_dataset(options, "degraded", 4)


def test_training_upscaling_and_evaluating(folder: Path) -> None:
    """A trained network beats a fresh one, an SRGAN begins from it, both enlarge."""
    data = {"data": str(folder / "large"), "image_size": 48, "batch_size": 4}
    run = reverie.train(
        "srresnet", out=folder / "x4", steps=100, learning_rate=1e-2, **TINY, **data
    )
    reverie.train("srresnet", out=folder / "fresh", steps=0, **TINY, **data)
    assert run.load().upscale(torch.zeros(1, 3, 10, 12)).shape == (1, 3, 40, 48)
    gan = reverie.train(
        "srgan", out=folder / "gan", init=str(folder / "x4"), steps=2, discriminator_width=4, **data
    )
    options = gan.load().method.options
    assert (options.network, options.width, options.blocks) == ("compact", 4, 1)
    before, after = (
        dict(model.method.generator.named_parameters()) for model in (run.load(), gan.load())
    )
    for name, weight in before.items():
        assert (after[name] - weight).abs().max() < 0.01
    figures = reverie.evaluate(folder / "x4", data=str(folder / "large"))
    assert next(iter(figures)) == "psnr[×4, 2 images, Y, border 4]"
    assert all(np.isfinite(value) for value in figures.values())
    fresh = reverie.evaluate(folder / "fresh", data=str(folder / "large"))
    assert next(iter(figures.values())) > next(iter(fresh.values())) + 0.5
    resumed = reverie.train("srgan", out=folder / "gan", resume=True, steps=3)
    assert resumed.steps == 3
    with pytest.raises(UserError, match="no network in common"):
        reverie.train("vae", out=folder / "v", data="digits", init=str(folder / "x4"), steps=1)


def test_bad_options(folder: Path) -> None:
    data = {"data": str(folder / "large"), "steps": 1}
    with pytest.raises(UserError, match="--scale must be one of 2, 3, 4, 8, not 5"):
        reverie.train("srresnet", out=folder / "r", scale=5, **data)
    with pytest.raises(UserError, match="no multiple of the scale 3"):
        reverie.train("srresnet", out=folder / "r", scale=3, image_size=64, **data)
    with pytest.raises(UserError, match="smaller than the 256×256 crop"):
        reverie.train("srresnet", out=folder / "r", image_size=256, **data)


def test_the_content_loss_reaches_the_generator() -> None:
    """A loss rebuilt as a new tensor carries no gradient: a defect of well-known code."""
    method = SRGAN(SRGANOptions(**TINY, adversarial_weight=0.0, pixel_weight=0.0), ImageSpec(3, 32))
    batch = Batch(torch.rand(2, 3, 32, 32) * 2 - 1)
    rng = Rng(torch.Generator().manual_seed(0))
    loss, parts = method.phases()[0].loss(batch, rng)
    gradients = torch.autograd.grad(loss, list(method.generator.parameters()))
    assert parts["content"].requires_grad
    assert any(g.abs().sum() > 0 for g in gradients)
    assert torch.isfinite(loss)


def test_content_of_equal_pictures_is_zero_and_falls_towards_them() -> None:
    backbone = find_backbone("efficientnet")
    real = images.to_tensor(np.ascontiguousarray(chelsea()[None, 60:156, 100:196]))
    assert content_difference(backbone, real, real) == 0
    noise = torch.randn(real.shape, generator=torch.Generator().manual_seed(0))
    near, far = (float(content_difference(backbone, real + s * noise, real)) for s in (0.05, 0.2))
    assert 0 < near < far


def test_vgg_as_content(tmp_path: Path) -> None:
    network = VGG((2, 2, 4, 4, 4), with_head=False)
    torch.save(network.state_dict(), tmp_path / "vgg19-of-mine.pth")
    backbone = find_backbone("vgg19", tmp_path / "vgg19-of-mine.pth")
    assert isinstance(backbone, Backbone)
    a, b = torch.rand(2, 1, 3, 32, 32)
    assert content_difference(backbone, a, b) > 0
    with pytest.raises(UserError, match="needs torchvision's weights"):
        find_backbone("vgg19")
    torch.save({"features.0.weight": torch.zeros(3)}, tmp_path / "cut.pth")
    with pytest.raises(UserError, match="not the weights of vgg19"):
        find_backbone("vgg19", tmp_path / "cut.pth")
    with pytest.raises(UserError, match=r"has no layer .features\.99"):
        backbone.layer("features.99")
