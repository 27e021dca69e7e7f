from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reverie.core.errors import UserError
from reverie.methods.presets import recipe_for
from reverie.training.combinations import (
    MOST_COMBINATIONS,
    SAFE_NAME,
    axes_from_words,
    combine,
    name_of,
    refuse_axes_given,
    setting_of,
)

GAN = recipe_for("gan").with_options(data="digits")


def test_every_combination_seeds_fastest() -> None:
    made = combine(GAN, {"seed": [0, 1], "latent_size": [2, 4, 8]})
    assert [one.name for one in made] == [
        f"latent_size={size},seed={seed}" for size in (2, 4, 8) for seed in (0, 1)
    ]
    assert made[-1].recipe == GAN.with_options(latent_size=8, seed=1)
    assert made[-1].values == {"latent_size": 8, "seed": 1}


def test_a_length_replaces_that_of_the_preset() -> None:
    base = recipe_for("vae", "digits-2")
    assert base.training.steps
    lengths = [one.recipe.training for one in combine(base, {"minutes": [1, 2]})]
    assert [(one.steps, one.minutes) for one in lengths] == [(None, 1.0), (None, 2.0)]


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({}, r"a sweep needs options with several values, such as seed=0,1: reverie sweep gan"),
        ({"latent_sise": [2]}, "gan has no option 'latent_sise'; did you mean 'latent_size'"),
        ({"out": [2]}, "gan has no option 'out'"),
        ({"seed": []}, "seed has no values: seed=1,2"),
        ({"seed": 3}, "the values of seed must be a list, not 3"),
        ({"data": "digits"}, "the values of data must be a list, not 'digits'"),
        ({"seed": [0, 1, 0]}, "the values seed=0 are given twice"),
        ({"minutes": [1, 1.0]}, "the values minutes=1 are given twice"),
        ({"latent_size": [4, 0]}, "--latent-size must be at least 1, not 0"),
        ({"steps": [4], "epochs": [1]}, "give one training length, not steps and epochs"),
        ({"seed": range(40), "latent_size": range(1, 101)}, "these are 4,000 trainings"),
    ],
)
def test_what_cannot_be_swept_is_said(axes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        combine(GAN, axes)


def test_a_billion_trainings_are_counted_and_not_made() -> None:
    axes = {name: range(1, MOST_COMBINATIONS) for name in ("seed", "latent_size", "batch_size")}
    with pytest.raises(UserError, match="these are 997,002,999 trainings, and a sweep has 1,000"):
        combine(GAN, axes)


def test_words_of_the_command_line() -> None:
    axes = axes_from_words(GAN, ["latent-size=2,4", "hidden=64+32,none", "flip=true,false"])
    assert axes == {
        "latent_size": [2, 4],
        "hidden": [(64, 32), ()],
        "flip": [True, False],
    }
    names = [one.name for one in combine(GAN, axes)]
    assert names[0] == "flip=true,hidden=64+32,latent_size=2"
    assert names[-1] == "flip=false,hidden=none,latent_size=4"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["latent=2"], "gan has no option 'latent'; did you mean 'latent_size'"),
        (["seed"], "seed has an empty value: write seed=1,2"),
        (["seed=0,,1"], "seed=0,,1 has an empty value"),
        (["seed=0", "seed=1"], "seed is given twice"),
        (["seed=0,a"], "seed must be an integer, not 'a'"),
        (["latent_size=2,0"], "latent_size must be at least 1, not 0"),
    ],
)
def test_words_that_cannot_be_understood(words: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        axes_from_words(GAN, words)


def test_an_option_is_one_value_or_several() -> None:
    refuse_axes_given(["seed"], ["hidden"])
    with pytest.raises(UserError, match="seed is given as one value and as several"):
        refuse_axes_given(["latent_size", "seed"], ["seed"])


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.sampled_from(["where", "data", "init"]), st.text(max_size=300)))
def test_names_are_safe_for_every_file_system(values: dict[str, Any]) -> None:
    name = name_of(values or {"seed": 0})
    assert SAFE_NAME.fullmatch(name)
    assert len(name) <= 100
    assert Path(name).name == name


def test_names_that_would_be_the_same_differ() -> None:
    words = ["a/b", "a\\b", "A-b", "a-b", "a-B", "a" * 300, "a" * 301]
    assert len({name_of({"data": word}).lower() for word in words}) == len(words)
    assert name_of({"learning_rate": 2e-4, "flip": True}) == "learning_rate=0.0002,flip=true"
    assert name_of({"learning_rate": 1 / 3}) == "learning_rate=0.3333333333333333"


def test_a_setting_is_all_but_the_seed() -> None:
    assert setting_of({"latent_size": 2, "seed": 1}) == "latent_size=2"
    assert setting_of({"seed": 1}) == "all seeds"
