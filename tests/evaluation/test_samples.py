import base64
import json
import math
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import reverie
from reverie import images
from reverie.core.errors import UserError
from reverie.data import DataOptions, find_source
from reverie.evaluation.samples import evaluate_folders, evaluate_model, inception_score

Photos = Callable[..., Path]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "digits"
    options = {"data": "digits", "batch_size": 8, "steps": 2, "width": 4}
    return reverie.train("cgan", out=folder, **options).folder


DIGITS = DataOptions(data="digits", split="test")


def test_every_figure_says_its_features_count_and_split(run: Path, tmp_path: Path) -> None:
    model = reverie.load(run)
    figures = evaluate_model(model, DIGITS, count=60, report=tmp_path / "near.html")
    for name in ("frechet_distance", "kernel_distance", "precision", "coverage", "inception_score"):
        assert math.isfinite(figures[f"{name}[digits, 60, test]"])
    assert 0 <= figures["label_accuracy[digits, 60]"] <= 0.5
    assert figures["frechet_distance[digits, 60, test]"] > 10  # untrained
    assert "frechet_distance[digits, class 3, 6, test]" in figures
    page = (tmp_path / "near.html").read_text()
    assert "five nearest training images" in page
    sheets = re.findall(r"data:image/png;base64,([^\"]+)", page)
    (tmp_path / "near.png").write_bytes(base64.b64decode(sheets[1]))
    assert images.read(tmp_path / "near.png").shape[:2] == (12 * 58 + 2, 6 * 58 + 2)
    assert not any(name.startswith("FID") for name in figures)


def test_real_pictures_are_nearer_than_an_untrained_models(tmp_path: Path) -> None:
    digits = find_source("digits", "test")
    assert digits.pixels is not None
    for index in range(120):
        images.save(images.to_tensor(digits.pixels[index][None])[0], tmp_path / f"{index:03d}.png")
    folder = DataOptions(data=str(tmp_path), image_size=28)
    figures = evaluate_folders(folder, DIGITS, features="digits")
    assert figures["frechet_distance[digits, 120, test]"] < 2
    assert figures["precision[digits, 120, test]"] > 0.7


def test_inception_score() -> None:
    sure = torch.eye(4) * 100
    assert inception_score(sure) == pytest.approx(4)  # clear, and all classes
    assert inception_score(torch.zeros(5, 4)) == pytest.approx(1)  # says nothing
    assert inception_score(sure[:1].repeat(5, 1)) == pytest.approx(1)  # one class alone


def test_on_the_command_line(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], photos: Photos
) -> None:
    from reverie.cli.main import main

    out = tmp_path / "figures.json"
    words = ["evaluate", str(run), "--data", "digits", "--count", "30", "--out", str(out), "--json"]
    assert main(words) == 0
    printed = json.loads(capsys.readouterr().out)
    assert json.loads(out.read_text()) == printed
    assert main(["evaluate", str(run), "--data", str(photos(1)), "--features", "digits"]) == 2
    assert "two images or more" in capsys.readouterr().err
    assert main(["evaluate", str(run), "--data", "digits", "--features", "inception"]) == 2
    assert "FID weights" in capsys.readouterr().err
    assert main(["evaluate", str(run), "--data", "digits", "--guidance", "2"]) == 2
    assert "for diffusion models" in capsys.readouterr().err


def test_too_few_pictures_are_refused(run: Path, photos: Photos) -> None:
    with pytest.raises(UserError, match="6 images or more"):
        evaluate_model(reverie.load(run), DIGITS, count=4)
