import pytest

from reverie.core.errors import UserError
from reverie.methods import METHODS
from reverie.methods.presets import recipe_for, recipe_from_json


@pytest.mark.parametrize(
    ("method", "preset"), [(m, p) for m in METHODS for p in METHODS[m].presets]
)
def test_every_preset_is_a_recipe_that_survives_json(method: str, preset: str) -> None:
    import json

    recipe = recipe_for(method, preset)
    assert recipe.method == method
    assert isinstance(recipe.options, METHODS[method].Options)
    assert recipe_from_json(json.loads(json.dumps(recipe.to_json()))) == recipe
    assert recipe.training.minutes is None  # so that a slower machine does not train less


def test_option_names_belong_to_one_part_alone() -> None:
    for method in METHODS:
        recipe = recipe_for(method)
        from dataclasses import fields

        parts = (recipe.options, recipe.data, recipe.training)
        names = [field.name for part in parts for field in fields(part)]
        assert len(names) == len(set(names))


def test_options_change_by_plain_names() -> None:
    recipe = recipe_for("gan", "digits-4").with_options(steps=5, latent_size=3, augment=["cutout"])
    assert (recipe.training.steps, recipe.training.minutes) == (5, None)
    assert recipe.options.latent_size == 3
    assert recipe.options.augment == ("cutout",)


def test_unknown_names_are_refused_with_the_nearest() -> None:
    with pytest.raises(UserError, match="did you mean 'latent_size'"):
        recipe_for("vae").with_options(latentsize=3)
    with pytest.raises(UserError, match="did you mean 'dcgan'"):
        recipe_for("dcgn")
    with pytest.raises(UserError, match="did you mean 'digits-4'"):
        recipe_for("gan", "digit-4")
    with pytest.raises(UserError, match="which this version does not have"):
        recipe_from_json(recipe_for("vae").to_json() | {"options": {"depth": 3}})
