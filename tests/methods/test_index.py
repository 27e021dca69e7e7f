import dataclasses

import pytest

from reverie.core.errors import UserError
from reverie.core.option_help import help_of
from reverie.core.options import field_types
from reverie.methods import METHODS
from reverie.methods.index import check_current, method_entry, options_kind
from reverie.methods.presets import recipe_for


@pytest.mark.parametrize("name", list(METHODS))
def test_an_entry_is_the_method_itself(name: str) -> None:
    entry, method = method_entry(name), METHODS[name]
    assert (entry.about, entry.data_kind) == (method.about, method.data_kind)
    assert entry.about_losses == dict(method.about_losses)
    assert options_kind(name) is type(entry.recipe(None).options)
    assert entry.presets == {preset: one.about for preset, one in method.presets.items()}
    for preset in (None, *method.presets):
        mine, own = entry.recipe(preset), recipe_for(name, preset)
        assert mine.flat() == own.flat()
        assert mine.to_json() == own.to_json()
        check_current(mine, preset)
    kind = type(entry.recipe(None).options)
    assert kind.__name__ == method.Options.__name__
    marks = {n: repr(k).replace("typing.", "") for n, k in field_types(method.Options).items()}
    for field in dataclasses.fields(kind):
        assert help_of(kind, field.name) == help_of(method.Options, field.name)
        shown = repr(field_types(kind)[field.name]).replace("typing.", "")
        assert shown.count("limit") == marks[field.name].count("limit")
    fields = {field.name for field in dataclasses.fields(method.Options)}
    assert set(method.main_options) <= fields
    assert method.main_options
    assert set(method.unused_options) <= fields - set(method.main_options)


def test_an_entry_has_the_checks_of_the_method() -> None:
    options = type(method_entry("vae").recipe(None).options)
    with pytest.raises(UserError, match="--latent-size must be at least 1, not 0"):
        options(latent_size=0)
    with pytest.raises(UserError, match="--network must be one of auto, linear, convolutional"):
        options(network="round")
    with pytest.raises(UserError, match="vae has no preset 'digits-3'; did you mean"):
        method_entry("vae").recipe("digits-3")
    with pytest.raises(UserError, match="gan has no preset 'x'"):
        method_entry("gan").recipe("x")
    with pytest.raises(UserError, match="no method 'vea'; did you mean 'vae'"):
        method_entry("vea")


def test_a_stale_index_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = method_entry("vae").recipe(None)
    other = dataclasses.replace(recipe.options, latent_size=3)
    with pytest.raises(UserError, match=r"index.json is older than .* scripts/write_index\.py"):
        check_current(dataclasses.replace(recipe, options=other), None)
