from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import reverie
from reverie.core.errors import UserError
from reverie.data import DataOptions, ImageSpec, decode_dataset, find_dataset
from reverie.evaluation.translation import evaluate_translator, whole
from reverie.inference.model import Model
from reverie.methods import Method, MethodOptions, Phase


class Toy(Method):
    """Translates by a function of the pixels."""

    Options = MethodOptions
    averaged = ()
    about = "a toy"
    directions = ("ab", "ba")

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__(MethodOptions(), ImageSpec(3, 32))
        self.network = Pointwise(function)

    def phases(self) -> tuple[Phase, ...]:
        return ()

    def translator(self, direction: str) -> nn.Module:
        return self.network


class Pointwise(nn.Module):
    receptive_radius, multiple = 0, 1

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.function = function
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x)


def model(function: Callable[[torch.Tensor], torch.Tensor]) -> Model:
    return Model("toy", "toy", Toy(function).eval())


@pytest.fixture
def negatives(tmp_path: Path) -> Path:
    """Domain B is the negative of domain A; the test images are paired, the others are not."""
    random = np.random.default_rng(0)
    for folder in ("trainA", "trainB", "testA", "testB"):
        (tmp_path / folder).mkdir()
    for folder, count in (("trainA", 6), ("trainB", 6), ("testA", 5)):
        for number in range(count):
            pixels = random.integers(0, 100, (32, 32, 3), np.uint8)
            if folder == "testA":
                Image.fromarray(255 - pixels).save(tmp_path / "testB" / f"{number}.png")
            shown = 255 - pixels if folder == "trainB" else pixels
            Image.fromarray(shown).save(tmp_path / folder / f"{number}.png")
    return tmp_path


def test_the_true_translation_has_no_error(negatives: Path) -> None:
    figures = evaluate_translator(
        model(torch.neg), DataOptions(data=str(negatives)), features="digits"
    )
    for direction in ("ab", "ba"):
        assert figures[f"mean_absolute_error[5 pairs {direction}]"] < 1e-6
        about = f"[digits, 5 pairs {direction}]"
        assert figures[f"perceptual_distance{about}"] < 1e-6
        assert figures[f"cosine_distance{about}"] < 1e-5
        about = f"[digits, 5 {direction}, train]"
        distance = figures[f"frechet_distance{about}"]
        assert distance < figures[f"doing_nothing_frechet_distance{about}"]
        assert f"kernel_distance{about}" in figures


def test_doing_nothing_is_the_baseline(negatives: Path) -> None:
    figures = evaluate_translator(
        model(torch.clone), DataOptions(data=str(negatives)), features="digits"
    )
    for name, value in figures.items():
        if not name.startswith("doing_nothing_"):
            assert value == pytest.approx(figures[f"doing_nothing_{name}"], rel=1e-4, abs=1e-6)


def test_the_error_is_the_mean_over_pixels(negatives: Path) -> None:
    figures = evaluate_translator(
        model(lambda x: torch.zeros_like(x)), DataOptions(data=str(negatives)), features="digits"
    )
    truth = []
    for path in sorted((negatives / "testB").iterdir()):
        with Image.open(path) as image:
            truth.append(np.asarray(image) / 127.5 - 1)
    expected = np.abs(np.stack(truth)).mean()
    assert figures["mean_absolute_error[5 pairs ab]"] == pytest.approx(expected, abs=1e-5)


def test_unpaired_test_images_have_no_pairwise_metrics(negatives: Path) -> None:
    (negatives / "testB" / "0.png").rename(negatives / "testB" / "other.png")
    figures = evaluate_translator(
        model(torch.neg), DataOptions(data=str(negatives)), features="digits"
    )
    assert {name.split("[")[0].removeprefix("doing_nothing_") for name in figures} == {
        "frechet_distance",
        "kernel_distance",
    }


def test_whole_datasets(negatives: Path) -> None:
    found = find_dataset(DataOptions(data=str(negatives), image_size=32, split="test"), "paired")
    images = decode_dataset(found)
    assert images.domain_b is not None
    a, b = whole(images), whole(images.domain_b)
    assert a.shape == (5, 3, 32, 32)
    torch.testing.assert_close(a, -b, rtol=0, atol=1e-6)


def test_refusals(negatives: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="translation needs a folder"):
        evaluate_translator(model(torch.neg), DataOptions(data=str(tmp_path / "none")))


def test_images_in_memory(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 6, 32, 32, 3), np.uint8)
    for side, images in zip(("trainA", "trainB"), pixels, strict=True):
        for split in (side, side.replace("train", "test")):
            (tmp_path / split).mkdir()
            for number, image in enumerate(images):
                Image.fromarray(image).save(tmp_path / split / f"{number}.png")
    toy = Model("toy", "toy", Toy(lambda x: x).eval())
    wanted = reverie.evaluate(toy, data=tmp_path).figures
    tensors = [torch.from_numpy(images) for images in pixels]
    assert reverie.evaluate(toy, data=tuple(pixels)).figures == pytest.approx(wanted)
    assert reverie.evaluate(toy, data=tensors[0], data_b=tensors[1]).figures == pytest.approx(
        wanted
    )
    folders = {"data": tmp_path / "testA", "data_b": tmp_path / "testB"}
    assert reverie.evaluate(toy, **folders).figures == pytest.approx(wanted)
