"""The classifier of attributes, on squares that are bright or large."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from reverie.data.attributes import Attributes
from reverie.evaluation.attributes import read_images, train_attribute_classifier


def squares(folder: Path, count: int, seed: int) -> Attributes:
    """Squares on black: bright ones and large ones, in all four combinations."""
    random = np.random.default_rng(seed)
    values = random.random((count, 2)) < 0.5
    folder.mkdir()
    files = []
    for number, (bright, large) in enumerate(values):
        pixels = random.integers(0, 30, (16, 16, 3), np.uint8)
        side, (top, left) = 8 if large else 4, random.integers(0, 8, 2)
        pixels[top : top + side, left : left + side] += 200 if bright else 90
        files.append(folder / f"{number}.png")
        Image.fromarray(pixels).save(files[-1])
    return Attributes(("bright", "large"), tuple(files), values)


@pytest.fixture(scope="module")
def train(tmp_path_factory: pytest.TempPathFactory) -> Attributes:
    return squares(tmp_path_factory.mktemp("squares") / "train", 300, 0)


def test_held_out_images_are_classified(train: Attributes, tmp_path: Path) -> None:
    test = squares(tmp_path / "test", 200, 1)
    before = torch.random.get_rng_state()
    classifier = train_attribute_classifier(train, 16, steps=120)
    assert torch.equal(torch.random.get_rng_state(), before)
    accuracy = classifier.accuracy(test)
    assert list(accuracy) == ["bright", "large"]
    assert min(accuracy.values()) > 0.9
    predicted = classifier.predict(read_images(test, 16)).numpy()
    assert (predicted == test.values).mean(0).tolist() == pytest.approx(list(accuracy.values()))
    again = train_attribute_classifier(train, 16, steps=120)
    for one, other in zip(classifier.network.parameters(), again.network.parameters(), strict=True):
        assert torch.equal(one, other)


def test_too_few_steps_are_no_better_than_chance(train: Attributes) -> None:
    """The test above can fail."""
    classifier = train_attribute_classifier(train, 16, steps=1)
    assert min(classifier.accuracy(train).values()) < 0.8
