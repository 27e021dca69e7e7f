"""Every method on rectangles and odd sizes: trained, resumed, saved, loaded and used."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

import reverie
from reverie import testing
from reverie.core.image_size import Size
from reverie.data import ImageSpec
from reverie.methods import METHODS, Encodes, Samples, Translates, Upscales
from reverie.methods.presets import recipe_for
from reverie.runs.run import Run

RECTANGLES = dict.fromkeys(METHODS, "36x28") | {
    "gan": "33x17",
    "vae": "17x31",
    "diffusion": "19x30",
}
SIZES = [20, 36, 48, 100, "100x16", "24x60"]
"""Sizes that are multiples of 4; no method may refuse them, but for translators those below 24."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six images in two classes, and as many of a second domain."""
    root = tmp_path_factory.mktemp("shapes")
    for side in ("a", "b"):
        for index in range(6):
            place = root / side / f"class-{index % 2}"
            place.mkdir(parents=True, exist_ok=True)
            colour = (40 * index, 200, 90 if side == "a" else 0)
            image = Image.new("RGB", (50, 44), colour)
            image.paste((255, 255, 255), (4 * index, 3, 30, 30))
            image.save(place / f"{index}.png")
    return root


@pytest.mark.parametrize("name", METHODS)
def test_a_rectangle_is_trained_resumed_and_used(name: str, folder: Path, tmp_path: Path) -> None:
    kind, size = METHODS[name], Size.of(RECTANGLES[name])
    options: dict[str, Any] = dict(kind.tiny_options) | {
        "data": str(folder / "a"),
        "data_b": str(folder / "b") if kind.data_kind in ("paired", "unpaired") else None,
        "image_size": (size.width, size.height),
        "channels": "3",
        "resize": "none" if kind.data_kind == "degraded" else "crop",
        "jitter": 0.2 if kind.data_kind == "unpaired" else 0.0,
        "batch_size": 2,
        "precision": "fp32",
        "checkpoint_every": 1,
    }
    whole = reverie.train(name, out=tmp_path / "whole", steps=2, **options)
    shutil.copytree(tmp_path / "whole", tmp_path / "parts")
    for newest in Path(tmp_path / "parts" / "checkpoints").glob("step-000000002.*"):
        newest.unlink()
    parts = reverie.train(name, out=tmp_path / "parts", resume=True)
    one, other = (Run(result.folder).newest_checkpoint() for result in (whole, parts))
    assert one is not None
    assert other is not None
    assert one.step == other.step == 2
    assert all(torch.equal(tensor, other.tensors[key]) for key, tensor in one.tensors.items())
    model = reverie.load(whole.folder)
    assert model.method.spec.image_size == RECTANGLES[name]
    assert reverie.info(whole.folder)["image_size"] == RECTANGLES[name]
    shape = (2, 3, size.height, size.width)
    images = testing.random_batch(model.method.spec, 2).images
    if isinstance(model.method, Samples):
        assert model.sample(2, seed=3).shape == shape
    if isinstance(model.method, Encodes):
        assert model.encode(images).shape == (2, *model.method.latent_shape)  # type: ignore[attr-defined]
    if isinstance(model.method, Translates):
        assert model.translate(images).shape == shape
    if isinstance(model.method, Upscales):
        assert model.upscale(images[..., :9, :7]).shape[-2:] == (9 * 4, 7 * 4)
    card = Path(whole.folder, "model", "README.md").read_text()
    assert f"{size} pixels" in card
    assert f"{size} RGB" in Path(whole.folder, "report.html").read_text()


@pytest.mark.parametrize("name", METHODS)
def test_odd_sizes_have_networks(name: str) -> None:
    subject = testing.subject_of(METHODS[name])
    for size in SIZES:
        if hasattr(METHODS[name], "translator") and min(Size.of(size)) < 24:
            continue
        spec = ImageSpec(1, size, ("a", "b"))
        method, batch = subject.build(spec), testing.random_batch(spec, 2)
        loss, _ = testing.evaluate_loss(method.phases()[-1], batch)
        assert torch.isfinite(loss)


def test_a_preset_of_cyclegan_has_a_map_of_8_by_8() -> None:
    recipe = recipe_for("cyclegan", "patch-8x8")
    assert recipe.data.image_size == 128
    method = METHODS["cyclegan"](recipe.options, ImageSpec(3, 128))
    layers = [m for m in method.get_submodule("discriminator_a").modules() if hasattr(m, "stride")]
    shapes = [(layer.out_channels, layer.stride[0]) for layer in layers]  # type: ignore[attr-defined,index]
    assert shapes == [(64, 2), (128, 2), (256, 2), (512, 2), (1, 1)]
    with torch.no_grad():
        logits = method.get_submodule("discriminator_a")(torch.zeros(1, 3, 128, 128))
    assert logits.shape == (1, 1, 8, 8)
    assert getattr(recipe_for("cyclegan", "bce").options, "loss", None) == "bce"
