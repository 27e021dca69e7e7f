import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.core.errors import UserError
from reverie.methods import METHODS
from reverie.methods.presets import recipe_for, recipe_from_json
from reverie.methods.recipe import LENGTHS, Recipe, TrainOptions

EVERY = [(name, preset) for name, kind in METHODS.items() for preset in (None, *kind.presets)]


@pytest.mark.parametrize(("method", "preset"), EVERY)
def test_every_recipe_survives_json(method: str, preset: str | None) -> None:
    recipe = recipe_for(method, preset)
    assert recipe_from_json(json.loads(json.dumps(recipe.to_json()))) == recipe


@pytest.mark.parametrize(("method", "preset"), EVERY)
def test_names_of_options_are_unique(method: str, preset: str | None) -> None:
    """An option is set by its plain name, so no two parts may share one."""
    recipe = recipe_for(method, preset)
    parts = (recipe.options, recipe.data, recipe.training)
    names = [field.name for part in parts for field in dataclasses.fields(part)]
    assert len(names) == len(set(names))
    assert set(recipe.flat()) == set(names)
    assert recipe.resumable() <= set(names)


@given(
    latent_size=st.integers(1, 99),
    flip=st.booleans(),
    seed=st.integers(-(2**63), 2**64 - 1),
    hidden=st.lists(st.integers(1, 9), max_size=3),
)
def test_options_by_plain_names(latent_size: int, flip: bool, seed: int, hidden: list[int]) -> None:
    changes = {"latent_size": latent_size, "flip": flip, "seed": seed, "hidden": hidden}
    before = recipe_for("vae")
    after = before.with_options(**changes)
    assert before == recipe_for("vae")
    flat = after.flat()
    assert flat == before.flat() | changes | {"hidden": tuple(hidden)}
    assert after.data.flip == flip
    assert after.training.seed == seed
    assert recipe_from_json(json.loads(json.dumps(after.to_json()))) == after


def test_no_changes_are_the_same_recipe() -> None:
    recipe = recipe_for("cyclegan")
    assert recipe.with_options() == recipe


@pytest.mark.parametrize("length", LENGTHS)
def test_a_new_length_replaces_the_old_one(length: str) -> None:
    recipe = recipe_for("vae", "digits-2").with_options(**{length: 3})
    lengths = {name: getattr(recipe.training, name) for name in LENGTHS}
    assert lengths == {name: 3 if name == length else None for name in LENGTHS}


def test_refusals() -> None:
    recipe = recipe_for("vae")
    with pytest.raises(UserError, match="vae has no option 'latent_sise'; did you mean 'latent_s"):
        recipe.with_options(latent_sise=3)
    with pytest.raises(UserError, match="--latent-size must be at least 1, not 0"):
        recipe.with_options(latent_size=0)
    with pytest.raises(UserError, match="give one training length, not steps and epochs"):
        recipe.with_options(steps=3, epochs=2.0)
    with pytest.raises(UserError, match="set their interval with --evaluate-every"):
        TrainOptions(patience=2)
    assert TrainOptions(patience=2, evaluate_every=5).patience == 2


def test_resumable_options_do_not_change_what_is_trained() -> None:
    names = recipe_for("vae").resumable()
    assert {"steps", "minutes", "device", "checkpoint_every", "cache"} <= names
    for name in ("seed", "batch_size", "accumulate", "latent_size", "flip", "split", "precision"):
        assert name not in names


def test_recipes_are_frozen() -> None:
    recipe = recipe_for("vae")
    assert isinstance(recipe, Recipe)
    for part in (recipe, recipe.options, recipe.data, recipe.training):
        with pytest.raises(dataclasses.FrozenInstanceError):
            part.seed = 3  # type: ignore[misc]
