"""What every method must keep: `reverie.testing` over METHODS, with options that change networks.

A new method is tested at once by being in METHODS.
"""

from typing import Any

import pytest
import torch

from reverie import testing
from reverie.core.errors import UserError
from reverie.data import ImageSpec
from reverie.inference.model import Model
from reverie.methods import METHODS, Samples, Translates, Upscales
from reverie.methods.presets import recipe_for
from reverie.runs.model_folder import build_method
from reverie.testing import CLASS_CHECKS, OPTION_CHECKS, SPEC, Check, Subject
from tests import fingerprint

VARIANTS: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in METHODS),
    *((name, changes) for name, changes in fingerprint.VARIANTS if changes),
    (
        "encoder",
        {
            "base": "cgan",
            "base_options": {"width": 4, "latent_size": 8, "embedding_size": 4},
            "base_classes": 3,
        },
    ),
]

CLASS_VARIANTS: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in METHODS),
    *((name, {"network": "srresnet"}) for name in ("srresnet", "srgan")),
    ("esrgan", {"network": "rrdb"}),
]
"""The default networks of super-resolution depend on the device."""


def name_of(value: object) -> str:
    """The name of a check, or of a method with its options."""
    if isinstance(value, tuple):
        return "-".join([value[0], *(f"{key}={option}" for key, option in value[1].items())])
    return getattr(value, "__name__", str(value))


def subject_of(variant: tuple[str, dict[str, Any]]) -> Subject:
    method = METHODS[variant[0]]
    return testing.subject_of(method, dict(method.tiny_options) | variant[1])


def slow_where_it_trains(variant: tuple[str, dict[str, Any]], check: Check) -> Any:
    """A method with options is overfitted by `make test-all`, which takes minutes for all."""
    slow = (pytest.mark.slow,) if variant[1] and check is testing.check_overfitting else ()
    return pytest.param(variant, check, marks=slow, id=f"{name_of(variant)}-{name_of(check)}")


@pytest.mark.parametrize(
    ("variant", "check"),
    [slow_where_it_trains(variant, check) for variant in VARIANTS for check in OPTION_CHECKS],
)
def test_options(variant: tuple[str, dict[str, Any]], check: Check) -> None:
    check(subject_of(variant))


@pytest.mark.parametrize("check", CLASS_CHECKS, ids=name_of)
@pytest.mark.parametrize("variant", CLASS_VARIANTS, ids=name_of)
def test_class(variant: tuple[str, dict[str, Any]], check: Check) -> None:
    check(subject_of(variant))


@pytest.mark.parametrize("variant", VARIANTS, ids=name_of)
def test_another_draw_is_another_loss(variant: tuple[str, dict[str, Any]]) -> None:
    method = subject_of(variant).build().eval()
    with torch.no_grad():  # the logits of a fresh discriminator hardly depend on the image
        for parameter in method.parameters():
            parameter.mul_(5.0)
    if isinstance(method, Translates):
        return  # from given images to given images: most of these losses draw nothing
    if isinstance(method, Upscales) and method.options.degradation == "bicubic":
        return
    batch = testing.random_batch(SPEC)
    for phase in method.phases():
        if phase.name == "penalty" and not getattr(method.options, "r2", 0):
            continue  # R1 draws nothing
        one, other = (testing.evaluate_loss(phase, batch, seed)[0].item() for seed in (1, 2))
        assert one != other


@pytest.mark.parametrize("variant", VARIANTS, ids=name_of)
def test_samples_do_not_depend_on_the_size_of_batches(
    variant: tuple[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    method = subject_of(variant).build().eval()
    if isinstance(method, Samples):
        model = Model("m", variant[0], method)
        many = model.sample(9, seed=10)
        assert many.abs().max() <= 1
        monkeypatch.setattr("reverie.inference.model.BATCH_SIZE", 2)
        torch.testing.assert_close(model.sample(9, seed=10), many, rtol=0, atol=1e-5)


def test_labels_are_checked() -> None:
    recipe = recipe_for("cgan").with_options(**METHODS["cgan"].tiny_options)
    model = Model("m", "cgan", build_method(recipe, SPEC).eval())
    assert model.labels(12).tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    assert model.labels(2, "7").tolist() == [7, 7]
    assert model.labels(2, [3, "4"]).tolist() == [3, 4]
    with pytest.raises(UserError, match="classes are 0 to 9"):
        model.sample(1, label=10)
    with pytest.raises(UserError, match="has no class 'seven'"):
        model.sample(1, label="seven")
    with pytest.raises(UserError, match="3 labels for 2 images"):
        model.sample(2, label=[1, 2, 3])
    with pytest.raises(UserError, match="one image or more"):
        model.sample(0)


def test_what_a_model_cannot_do_is_said() -> None:
    gan = Model("runs/g", "gan", build_method(recipe_for("gan"), SPEC))
    with pytest.raises(UserError, match="knows no classes"):
        gan.sample(1, label=3)
    with pytest.raises(UserError, match="it generates images from noise"):
        gan.encode(torch.zeros(1, 1, 28, 28))


def test_a_conditional_gan_needs_classes() -> None:
    with pytest.raises(UserError, match="two classes or more"):
        build_method(recipe_for("cgan"), ImageSpec(1, 28))
