from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio
from torch.nn import functional as F

from reverie.core.errors import UserError
from reverie.core.failures import Failures
from reverie.data import DataOptions, ImageSpec
from reverie.evaluation.superres import evaluate_upscaler
from reverie.inference.model import Model
from reverie.methods.presets import recipe_for
from reverie.methods.superres.degradation import downscale
from reverie.runs.model_folder import build_method


@pytest.fixture(scope="module")
def model() -> Model:
    recipe = recipe_for("srresnet").with_options(scale=2, network="compact", width=4, blocks=1)
    return Model("tiny", "srresnet", build_method(recipe, ImageSpec(3, 48)).eval())


def wave(width: int, height: int, shift: float) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    parts = [127 + 100 * np.sin(x / (3 + n) + shift) * np.cos(y / (4 + n)) for n in range(3)]
    return np.stack(parts, -1).astype(np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, (width, height) in enumerate(((60, 51), (49, 64))):
        Image.fromarray(wave(width, height, number)).save(tmp_path / f"{number}.png")
    return tmp_path


def luma(pixels: np.ndarray) -> np.ndarray:
    """Y of BT.601 in video range, in float64, without a border of two pixels."""
    red, green, blue = np.moveaxis(pixels.astype(np.float64) / 255, -1, 0)
    return (16 + 65.481 * red + 128.553 * green + 24.966 * blue)[2:-2, 2:-2] / 255


def test_the_baseline_as_another_library_measures_it(model: Model, folder: Path) -> None:
    figures = evaluate_upscaler(model, DataOptions(data=str(folder)))
    expected = []
    for path in sorted(folder.iterdir()):
        with Image.open(path) as image:
            truth = np.asarray(image)
        truth = truth[: truth.shape[0] // 2 * 2, : truth.shape[1] // 2 * 2]
        tensor = torch.from_numpy(truth.copy()).permute(2, 0, 1)[None].float() / 127.5 - 1
        small = downscale(tensor, 2)
        made = F.interpolate(small, truth.shape[:2], mode="bicubic", antialias=True)
        made = ((made.clamp(-1, 1) + 1) * 127.5).round()[0].permute(1, 2, 0).numpy()
        expected.append(peak_signal_noise_ratio(luma(truth), luma(made), data_range=1.0))
    value = figures["bicubic_psnr[×2, 2 images, Y, border 2]"]
    assert value == pytest.approx(np.mean(expected), abs=0.05)


def test_every_figure_says_its_conditions(model: Model, folder: Path) -> None:
    figures = evaluate_upscaler(model, DataOptions(data=str(folder)))
    assert list(figures) == [
        f"{what}{name}"
        for what in ("", "bicubic_")
        for name in (
            "psnr[×2, 2 images, Y, border 2]",
            "ssim[×2, 2 images, Y, border 2]",
            "perceptual_distance[×2, 2 images, efficientnet]",
        )
    ]
    assert 0 < figures["bicubic_ssim[×2, 2 images, Y, border 2]"] <= 1


def test_a_model_that_interpolates_is_as_good_as_the_baseline(
    model: Model, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interpolate(images: torch.Tensor, *, tile: int | None = None) -> torch.Tensor:
        height, width = images.shape[-2:]
        return F.interpolate(images, (2 * height, 2 * width), mode="bicubic", antialias=True)

    monkeypatch.setattr(model, "upscale", interpolate)
    figures = evaluate_upscaler(model, DataOptions(data=str(folder)))
    for name, value in figures.items():
        if not name.startswith("bicubic_"):
            assert value == pytest.approx(figures[f"bicubic_{name}"], rel=0.01, abs=1e-3)


def test_small_images_are_refused(model: Model, tmp_path: Path) -> None:
    Image.new("RGB", (47, 60)).save(tmp_path / "a.png")
    with pytest.raises(UserError, match=r"a\.png: an image of 46×60 is too small"):
        evaluate_upscaler(model, DataOptions(data=str(tmp_path)))


def test_a_model_that_does_not_upscale(folder: Path) -> None:
    method = build_method(recipe_for("vae"), ImageSpec(1, 16))
    with pytest.raises(UserError, match="m is no model that upscales images"):
        evaluate_upscaler(Model("m", "vae", method), DataOptions(data=str(folder)))


def test_bad_and_small_images_are_left_out(model: Model, folder: Path) -> None:
    Image.fromarray(wave(20, 20, 0)).save(folder / "small.png")
    (folder / "bad.png").write_bytes(b"no image")
    (folder / "dead.png").symlink_to("nowhere")
    failures = Failures()
    figures = evaluate_upscaler(model, DataOptions(data=str(folder)), failures=failures)
    assert "psnr[×2, 2 images, Y, border 2]" in figures
    assert sorted(failures.reasons) == ["bad.png", "dead.png", "small.png"]
    assert "too small to be downscaled by 2" in failures.reasons["small.png"]
    for file in folder.glob("[01].png"):
        file.unlink()
    with pytest.raises(UserError, match="none of 3 images could be compared"):
        evaluate_upscaler(model, DataOptions(data=str(folder)))
