import re
from typing import Any

import pytest

from reverie import testing
from reverie.core.errors import UserError
from reverie.core.image_size import ImageSize
from reverie.data import ImageSpec
from reverie.methods import METHODS, Method
from reverie.methods.presets import recipe_for
from reverie.runs.model_folder import build_method


def build(name: str, size: ImageSize, **changes: Any) -> Method:
    tiny = dict(METHODS[name].tiny_options) | changes
    return build_method(recipe_for(name).with_options(**tiny), ImageSpec(3, size, ("a", "b")))


@pytest.mark.parametrize("name", ["cyclegan", "pix2pix", "cut"])
@pytest.mark.parametrize(("size", "remedy"), [(16, "24 or larger"), ("64x16", "72x24 or larger")])
def test_images_that_are_too_small_are_refused(name: str, size: ImageSize, remedy: str) -> None:
    pattern = f"do not fit discriminator(_b)?, a network of this {name}: use --image-size {remedy}."
    with pytest.raises(UserError, match=pattern):
        build(name, size)


@pytest.mark.parametrize("name", ["cyclegan", "cut"])
@pytest.mark.parametrize(("size", "remedy"), [(30, "28 or 32"), ("33x50", "32x48 or 36x52")])
def test_sizes_that_a_translation_would_not_keep_are_refused(
    name: str, size: ImageSize, remedy: str
) -> None:
    with pytest.raises(UserError, match=f"do not fit generator.*: use --image-size {remedy}."):
        build(name, size)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("cyclegan", {}),
        ("cyclegan", {"discriminator_layers": 1, "norm": "batch", "network": "unet"}),
        ("cyclegan", {"discriminator": "patch-same", "discriminator_layers": 4}),
        ("cyclegan", {"discriminator": "pixel", "batch_size": 1}),
        ("pix2pix", {"discriminator_layers": 4, "dropout": True}),
        ("cut", {"warps": True, "residual": True, "spectral_norm": True}),
    ],
)
def test_the_size_that_is_named_can_be_trained(name: str, changes: dict[str, Any]) -> None:
    with pytest.raises(UserError) as refused:
        build(name, 4, **changes)
    named = re.search(r"--image-size (\d+) or larger", str(refused.value))
    assert named is not None
    size = int(named.group(1))
    method = build(name, size, **changes)
    for phase in method.phases():
        testing.evaluate_loss(phase, testing.random_batch(method.spec, 2))


def test_norms_need_more_than_one_value() -> None:
    batch_of_one = {"batch_size": 1, "discriminator_width": 2}
    with pytest.raises(UserError, match="do not fit discriminator, a network of this srgan"):
        build("srgan", 16, **batch_of_one)
    build("srgan", 32, **batch_of_one)
    build("srgan", 16, batch_size=2)


def test_no_size_near_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reverie.nn.image_sizes.SEARCHED", 8)
    with pytest.raises(UserError, match=r"this cyclegan: no size near it fits\."):
        build("cyclegan", 32, discriminator_layers=6)
