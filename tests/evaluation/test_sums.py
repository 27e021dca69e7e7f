"""Sums over discs whose latents are their pixels: what comes out is known."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from reverie.data.attributes import Attributes
from reverie.evaluation.attributes import AttributeClassifier
from reverie.evaluation.sums import evaluate_sum
from reverie.inference.model import Model
from tests.evaluation.test_attributes import squares
from tests.inference.latent.test_edit import Pixels


class ByEye(nn.Module):
    """Bright: above the mean shade of the two kinds; Large: more than 40 pixels of an object."""

    def forward(self, images: Tensor) -> Tensor:
        shade = images.amax((1, 2, 3)) - 0.3
        area = (images.mean(1) > images.amax((1, 2, 3))[:, None, None] - 0.6).sum((1, 2)) - 40.0
        return torch.stack([shade, area], 1)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Attributes:
    return squares(tmp_path_factory.mktemp("sums") / "squares", 200, 0)


def model() -> Model:
    pixels = Pixels()
    pixels.encode = lambda images: images[:, :1].flatten(1)  # type: ignore[method-assign]
    return Model("pixels", "pixels", pixels)


def test_the_classifier_by_eye(images: Attributes) -> None:
    classifier = AttributeClassifier(images.names, 16, ByEye())
    assert min(classifier.accuracy(images).values()) > 0.97


@pytest.mark.parametrize(("expected", "share"), [({"bright": True}, 1.0), ({"bright": False}, 0.0)])
def test_one_exemplar_of_one_group_is_itself(
    images: Attributes, expected: dict[str, bool], share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reverie.inference.latent.edit.rescale_to_prior", lambda latent: latent)
    classifier = AttributeClassifier(images.names, 16, ByEye())
    found = evaluate_sum(model(), images, classifier, "bright", expected, exemplars=1, count=20)
    assert found.expected == pytest.approx(share, abs=0.05)
    assert found.others_unchanged > 0.95


def test_others_are_agreed_on(images: Attributes) -> None:
    asked = []

    class Asked(Attributes):
        def with_attribute(self, name: str) -> np.ndarray:
            asked.append(name)
            return super().with_attribute(name)

    listed = Asked(images.names, images.files, images.values)
    classifier = AttributeClassifier(images.names, 16, ByEye())
    evaluate_sum(
        model(), listed, classifier, "bright & {others}", {"bright": True}, others=("large",),
        exemplars=2, count=3,
    )  # fmt: skip
    assert asked.count("large") == 3
