import dataclasses
from typing import Any, get_args

import pytest

from reverie.core.option_text import value_from_text
from reverie.core.options import InvalidValue, field_types
from reverie.methods.presets import recipe_for


def kind_of(method: str, name: str) -> Any:
    recipe = recipe_for(method)
    parts = (recipe.data, recipe.options, recipe.training)
    return next(field_types(type(p))[name] for p in parts if name in field_types(type(p)))


@pytest.mark.parametrize(
    ("method", "name", "word", "value"),
    [
        ("gan", "latent_size", "8", 8),
        ("gan", "learning_rate", "2e-4", 2e-4),
        ("gan", "learning_rate", "1", 1.0),
        ("gan", "flip", "true", True),
        ("gan", "flip", "False", False),
        ("gan", "hidden", "64+32", (64, 32)),
        ("gan", "hidden", "64", (64,)),
        ("gan", "hidden", "none", ()),
        ("gan", "augment", "colour+translation", ("colour", "translation")),
        ("gan", "decay", "none", "none"),
        ("gan", "channels", "1", "1"),
        ("gan", "image_size", "none", None),
        ("gan", "where", "Smiling & !Male", "Smiling & !Male"),
        ("gan", "data", "2024", "2024"),
        ("gan", "minutes", "1", 1.0),
    ],
)
def test_words_are_values(method: str, name: str, word: str, value: object) -> None:
    found = value_from_text(kind_of(method, name), word)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("name", "word", "message"),
    [
        ("latent_size", "0", "at least 1, not 0"),
        ("latent_size", "2.5", "an integer, not 2.5"),
        ("latent_size", "two", "an integer, not 'two'"),
        ("learning_rate", "nan", "a finite number, not nan"),
        ("flip", "2", "True or False, not 2"),
        ("decay", "sine", "one of none, linear, cosine, not 'sine'"),
        ("hidden", "64+x", "an integer, not 'x'"),
        ("hidden", "64+", "an integer, not ''"),
        ("steps", "-1", "at least 0, not -1"),
    ],
)
def test_what_does_not_fit_is_refused(name: str, word: str, message: str) -> None:
    with pytest.raises(InvalidValue) as error:
        value_from_text(kind_of("gan", name), word)
    assert str(error.value) == message


def test_every_default_can_be_written_as_a_word() -> None:
    recipe = recipe_for("diffusion")
    for part in (recipe.data, recipe.options, recipe.training):
        for field in dataclasses.fields(part):
            value = getattr(part, field.name)
            word = "+".join(map(str, value)) if isinstance(value, tuple) else str(value)
            word = "none" if value is None or value == () else word
            if dict not in get_args(field.type):
                assert value_from_text(field_types(type(part))[field.name], word) == value
