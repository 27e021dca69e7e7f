"""Checks of samples by methods that give images which are known."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from reverie import testing
from reverie.core import image_io
from reverie.data import DataOptions, ImageDataset, open_dataset
from reverie.methods import METHODS, Method, MethodOptions, Phase
from reverie.training.sample_check import SampleCheck

CPU = torch.device("cpu")


class Album(Method):
    """Gives the images of a list as samples, by the order of the latents."""

    Options = MethodOptions
    averaged = ()
    about = "images of a list"
    latent_shape = (1,)

    def __init__(self, images: ImageDataset, indices: np.ndarray) -> None:
        super().__init__(MethodOptions(), images.spec)
        self._images, self._indices, self._next = images, indices, 0
        self.labels: list[Any] = []

    def phases(self) -> tuple[Phase, ...]:
        return ()

    def generate(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        self.labels += [] if labels is None else labels.tolist()
        chosen = np.resize(np.roll(self._indices, -self._next), len(latents))
        self._next += len(latents)
        return image_io.to_tensor(self._images.read(chosen))


class Mapping(Method):
    """Translates by a function."""

    Options = MethodOptions
    averaged = ()
    about = "a function of images"
    directions = ("ab",)

    def __init__(self, images: ImageDataset, network: nn.Module) -> None:
        super().__init__(MethodOptions(), images.spec)
        self._network = network

    def phases(self) -> tuple[Phase, ...]:
        return ()

    def translator(self, direction: str) -> nn.Module:
        return self._network


@pytest.fixture(scope="module")
def digits() -> ImageDataset:
    return open_dataset(DataOptions(data="digits", image_size=16))


def figures(digits: ImageDataset, indices: np.ndarray) -> dict[str, float]:
    return SampleCheck(digits, 64).figures(Album(digits, indices), CPU)


def test_other_images_of_the_dataset_are_as_diverse(digits: ImageDataset) -> None:
    order = np.random.default_rng(0).permutation(len(digits))
    found = figures(digits, order[-256:])
    assert 0.9 < found["samples/spread"] < 1.1
    assert 0.7 < found["samples/spacing"] < 1.3
    assert 0.9 < found["samples/modes"] < 1.1
    assert found["samples/copies"] < 0.02
    assert figures(digits, order[:256])["samples/copies"] > 0.98  # training images


def test_one_class_and_one_image(digits: ImageDataset) -> None:
    assert digits.labels is not None
    zeros = np.flatnonzero(digits.labels == 0)[-256:]
    assert figures(digits, zeros)["samples/modes"] < 0.4
    one = figures(digits, zeros[:1])
    assert one["samples/spread"] < 0.01
    assert one["samples/spacing"] < 0.01


def test_classes_are_those_of_training_images(digits: ImageDataset) -> None:
    album = Album(digits, np.arange(300))
    SampleCheck(digits, 64).figures(album, CPU)
    assert digits.labels is not None
    shares = np.bincount(album.labels) / len(album.labels)
    assert np.abs(shares - np.bincount(digits.labels) / len(digits)).max() < 0.06


def test_nothing_is_drawn_and_the_figures_are_the_same_again(digits: ImageDataset) -> None:
    before = torch.get_rng_state()
    one, other = (figures(digits, np.arange(300)) for _ in range(2))
    assert one == other
    assert torch.equal(torch.get_rng_state(), before)


class Constant(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return torch.zeros_like(images)


@pytest.mark.parametrize(
    ("network", "bounds"), [(nn.Identity(), (0.7, 1.3)), (Constant(), (0, 0.01))]
)
def test_translations(
    digits: ImageDataset, network: nn.Module, bounds: tuple[float, float]
) -> None:
    found = SampleCheck(digits, 64).figures(Mapping(digits, network), CPU)
    assert found.keys() == {"translations/spread_ab", "translations/spacing_ab"}
    assert bounds[0] <= found["translations/spread_ab"] <= bounds[1]


def due(check: SampleCheck, method: Method, steps: range) -> list[int]:
    return [s for s, last in zip(steps[1:], steps, strict=False) if check.is_due(method, s, last)]


def test_when_it_is_due(digits: ImageDataset) -> None:
    album = Album(digits, np.arange(10))
    assert due(SampleCheck(digits, 64), album, range(0, 1001, 50)) == [250, 500, 750, 1000]
    assert due(SampleCheck(digits, 64), album, range(0, 1001, 70)) == [280, 560, 770]
    assert due(SampleCheck(digits, 1), album, range(0, 9001, 50)) == [4100, 8200]
    assert due(SampleCheck(digits, 8), album, range(0, 1100, 1)) == [512, 1024]


def test_what_is_not_checked(digits: ImageDataset, photos: Any) -> None:
    for name in ("diffusion", "srresnet"):
        method = testing.subject_of(METHODS[name]).build()
        assert not SampleCheck(digits, 64).is_due(method, 1000, 0)
    seven = open_dataset(DataOptions(data=str(photos(7))))
    assert not SampleCheck(seven, 64).is_due(Album(seven, np.arange(7)), 1000, 0)
    eight = open_dataset(DataOptions(data=str(photos(8))))
    album = Album(eight, np.arange(8))
    assert SampleCheck(eight, 64).is_due(album, 1000, 0)
    assert SampleCheck(eight, 64).figures(album, CPU)["samples/copies"] == 1
