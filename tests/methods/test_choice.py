"""What `--preset auto` picks, over every method, device, size and number of images."""

import dataclasses
from itertools import pairwise

import pytest

from reverie.core.image_size import Size
from reverie.core.state_dict import without_memory
from reverie.data import ImageSpec
from reverie.methods import METHODS
from reverie.methods.choice import FEWEST, LONGEST_SECONDS, Choice, Facts, choose
from reverie.methods.presets import DEFAULT, recipe_for
from reverie.methods.recipe import DEFAULT_STEPS, Fits

SIZES = (28, 32, 48, 64, 96, 128, 256, 512)
COUNTS = (1, 20, 700, 3000, 30_000, 1_000_000)

# On what, at which size, of how many images, and the preset that is picked; one row a rule.
TABLE = [
    ("vae", "cpu", 64, 700, "photos/", "small"),
    ("vae", "cpu", 256, 700, "photos/", "small-256"),
    ("vae", "cpu", 28, 1437, "digits", "digits-20"),
    ("vae", "gpu", 28, 1437, "digits", "digits-20"),
    ("vae", "cpu", 64, 9000, "faces", "faces-small"),
    ("vae", "gpu", 64, 700, "photos/", "default"),
    ("gan", "cpu", 96, 700, "photos/", "small"),
    ("gan", "cpu", 97, 700, "photos/", "small-256"),
    ("gan", "gpu", 64, 700, "photos/", "default"),
    ("dcgan", "cpu", 64, 700, "photos/", "small"),
    ("dcgan", "cpu", 128, 700, "photos/", "small-256"),
    ("dcgan", "cpu", 28, 1437, "digits", "digits"),
    ("dcgan", "gpu", 64, 20_000, "photos/", "modern"),
    ("dcgan", "gpu", 64, 20_001, "photos/", "default"),
    ("cgan", "cpu", 64, 700, "photos/", "small"),
    ("cgan", "gpu", 64, 700, "photos/", "modern"),
    ("diffusion", "cpu", 32, 700, "photos/", "small"),
    ("diffusion", "cpu", 64, 700, "photos/", "small-64"),
    ("diffusion", "cpu", 256, 700, "photos/", "small-256"),
    ("diffusion", "gpu", 256, 700, "photos/", "default"),
    ("cyclegan", "cpu", 64, 3000, "emoji", "emoji-small"),
    ("cyclegan", "cpu", 64, 3000, "earth", "earth-small"),
    ("cyclegan", "cpu", 64, 700, "photos/", "small"),
    ("cyclegan", "cpu", 256, 700, "photos/", "small-256"),
    ("cyclegan", "gpu", 64, 3000, "emoji", "paper"),
    ("cut", "cpu", 64, 700, "photos/", "small"),
    ("cut", "gpu", 256, 700, "photos/", "paper"),
    ("pix2pix", "cpu", 64, 700, "photos/", "small"),
    ("pix2pix", "gpu", 256, 700, "photos/", "paper"),
    ("srresnet", "cpu", 96, 300, "photos", "photos-small"),
    ("srresnet", "cpu", 96, 300, "mine/", "small"),
    ("srresnet", "gpu", 96, 300, "mine/", "default"),
    ("srgan", "cpu", 96, 300, "mine/", "small"),
    ("srgan", "gpu", 96, 300, "mine/", "default"),
    ("esrgan", "cpu", 96, 300, "mine/", "small"),
    ("esrgan", "gpu", 96, 300, "mine/", "paper"),
    ("encoder", "cpu", 32, 5000, "faces", "faces-small"),
    ("encoder", "cpu", 64, 700, "photos/", "small"),
    ("encoder", "gpu", 64, 700, "photos/", "default"),
]


def chosen(
    method: str, device: str, size: int, images: int, data: str = "photos/", given: bool = True
) -> Choice:
    return choose(
        method,
        Facts(
            device=device,  # type: ignore[arg-type]
            size=Size(size, size),
            size_is_given=given,
            images=images,
            data=data,
        ),
    )


@pytest.mark.parametrize(("method", "device", "size", "images", "data", "preset"), TABLE)
def test_the_preset_suits(
    method: str, device: str, size: int, images: int, data: str, preset: str
) -> None:
    assert chosen(method, device, size, images, data).preset == preset


def test_every_method_has_a_row_for_each_device() -> None:
    assert {row[:2] for row in TABLE} == {
        (name, device) for name in METHODS for device in ("cpu", "gpu")
    }


@pytest.mark.parametrize("method", METHODS)
def test_on_a_processor_it_takes_an_hour_at_most(method: str) -> None:
    for size in SIZES:
        for images in COUNTS:
            choice = chosen(method, "cpu", size, images)
            assert choice.preset != DEFAULT, (method, size)
            assert choice.seconds is not None
            assert 0 < choice.seconds <= LONGEST_SECONDS, (method, size, images)
            steps = choice.recipe.training.steps
            assert steps is not None
            assert steps >= 100, (method, size, images)


@pytest.mark.parametrize("method", METHODS)
def test_the_steps_suit_the_number_of_images(method: str) -> None:
    for size in SIZES:
        choices = [chosen(method, "cpu", size, images) for images in COUNTS]
        steps = [choice.recipe.training.steps or 0 for choice in choices]
        assert all(one <= more for one, more in pairwise(steps)), (method, size, steps)
        for images, choice, made in zip(COUNTS, choices, steps, strict=True):
            preset = METHODS[method].presets[choice.preset]
            assert preset.fits is not None
            assert preset.fits.passes is not None
            passes = made * choice.recipe.training.batch_size / images
            few = made <= FEWEST * (preset.training.steps or 0)
            assert few or passes <= preset.fits.passes, (method, size, images)


@pytest.mark.parametrize("method", METHODS)
def test_what_is_picked_can_be_built(method: str) -> None:
    for size in (32, 64, 256):
        recipe = chosen(method, "cpu", size, 700).recipe
        spec = ImageSpec(3, size, ("a", "b"))
        options = recipe.options
        without_memory(lambda o=options, s=spec: METHODS[method](o, s))


@pytest.mark.parametrize("method", METHODS)
def test_a_preset_that_is_picked_has_been_measured(method: str) -> None:
    for name, preset in METHODS[method].presets.items():
        fits = preset.fits
        if fits is None or fits.device == "gpu":
            continue
        assert fits.seconds > 0, (method, name)
        assert (preset.data.data is None) == (fits.passes is not None), (method, name)


def test_a_size_of_its_own_is_kept_unless_one_is_given() -> None:
    free, given = (chosen("dcgan", "cpu", 64, 9000, "faces", given) for given in (False, True))
    assert (free.size, given.size) == (Size(32, 32), Size(64, 64))
    assert free.recipe == recipe_for("dcgan", "faces-small")
    assert given.seconds is not None
    assert free.seconds is not None
    assert given.seconds > free.seconds


def test_the_steps_are_worked_out(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = METHODS["vae"]
    preset = dataclasses.replace(
        kind.presets["small"],
        fits=Fits(seconds=0.5, side=64, passes=10),
        training=dataclasses.replace(kind.presets["small"].training, steps=8000, batch_size=32),
    )
    monkeypatch.setattr(kind, "presets", {"small": preset})
    # 10 passes over 10,000 images in batches of 32 are 3,125 steps; 0.5 s each would be 1,562 s.
    assert chosen("vae", "cpu", 64, 10_000).recipe.training.steps == 3100
    assert chosen("vae", "cpu", 64, 1).recipe.training.steps == 2000
    # Four times the pixels: 2 s a step, 1,800 in an hour.
    assert chosen("vae", "cpu", 128, 10_000).recipe.training.steps == 1800
    assert chosen("vae", "cpu", 64, 10**6).recipe.training.steps == 7200


def test_a_method_without_such_presets_trains_with_its_defaults(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(METHODS["vae"], "presets", {})
    choice = chosen("vae", "cpu", 64, 700)
    assert (choice.preset, choice.recipe) == (DEFAULT, recipe_for("vae"))
    assert (choice.recipe.training.steps or DEFAULT_STEPS) == DEFAULT_STEPS
