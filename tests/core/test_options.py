import dataclasses
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.core.errors import UserError
from reverie.core.options import (
    AtLeast,
    Checked,
    NonNegative,
    NonNegativeInt,
    Positive,
    accepts_fields,
    flag_of,
    options_of,
)


@dataclass(frozen=True, kw_only=True)
class Bounded(Checked):
    count: Positive = 3
    weight: NonNegative = 0.5
    steps: NonNegativeInt | None = None
    image_size: Annotated[int, "in pixels", AtLeast(64)] = 64
    free: float = 0.0
    word: str = "x"


@given(
    count=st.integers(-5, 5),
    weight=st.floats(-2, 2),
    steps=st.none() | st.integers(-3, 3),
    size=st.integers(60, 70),
    free=st.floats(-2, 2),
)
def test_bounds_hold_exactly(
    count: int, weight: float, steps: int | None, size: int, free: float
) -> None:
    def make() -> Bounded:
        return Bounded(count=count, weight=weight, steps=steps, image_size=size, free=free)

    if count >= 1 and weight >= 0 and (steps is None or steps >= 0) and size >= 64:
        assert make().free == free
    else:
        with pytest.raises(UserError, match="must be at least"):
            make()


def test_the_refusal_names_the_flag_and_the_value() -> None:
    with pytest.raises(UserError, match=r"^--image-size must be at least 64, not 12\.$"):
        Bounded(image_size=12)
    with pytest.raises(UserError, match=r"^--weight must be at least 0, not -0\.5\.$"):
        dataclasses.replace(Bounded(), weight=-0.5)


def test_nan_is_out_of_bounds() -> None:
    with pytest.raises(UserError):
        Bounded(weight=float("nan"))


@dataclass(frozen=True, kw_only=True)
class Postponed(Checked):
    """As under `from __future__ import annotations`, where a field's type is a string."""

    count: "Positive" = 3


def test_bounds_in_postponed_annotations() -> None:
    with pytest.raises(UserError):
        Postponed(count=0)


def test_flags() -> None:
    assert flag_of("image_size") == "--image-size"
    assert flag_of("r1") == "--r1"


def test_options_of_another_dataclass() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Command(Bounded):
        model: str

    made = options_of(Bounded, Command(model="m", count=7, word="y"))
    assert type(made) is Bounded
    assert made == Bounded(count=7, word="y")


@dataclass(frozen=True, kw_only=True)
class Wish(Checked):
    data: str
    count: Positive = 2
    names: tuple[str, ...] = ()


@accepts_fields(Wish)
def wish(model: str, count: int | None = None, *, options: Wish | None = None) -> object:
    """What it got."""
    return model, count, options


def test_fields_become_keyword_arguments() -> None:
    assert wish("m", data="d") == ("m", None, Wish(data="d"))
    assert wish("m", data="d", names=["a", "b"]) == ("m", None, Wish(data="d", names=("a", "b")))
    # The function's own parameter goes before the field of the same name.
    assert wish("m", 5, data="d") == ("m", 5, Wish(data="d"))


def test_keywords_change_the_options_that_are_given() -> None:
    base = Wish(data="d", count=9)
    assert wish("m", options=base) == ("m", None, base)
    assert wish("m", options=base, names=("a",)) == (
        "m",
        None,
        Wish(data="d", count=9, names=("a",)),
    )


def test_lists_become_tuples_beside_options() -> None:
    assert wish("m", options=Wish(data="d"), names=["a"]) == (
        "m",
        None,
        Wish(data="d", names=("a",)),
    )


def test_an_unknown_option_is_refused_with_the_nearest() -> None:
    with pytest.raises(UserError, match="wish has no option 'nmes'; did you mean 'names'"):
        wish("m", data="d", nmes=())
    with pytest.raises(UserError, match="did you mean 'model'"):
        wish(modle="m", data="d")


def test_a_required_field_is_asked_for() -> None:
    with pytest.raises(UserError, match=r"^wish needs data=\.$"):
        wish("m")


def test_a_bound_holds_for_keywords_too() -> None:
    def tight(*, options: Bounded | None = None) -> Bounded | None:
        return options

    accepting: Callable[..., Bounded | None] = accepts_fields(Bounded)(tight)
    with pytest.raises(UserError, match="--count must be at least 1"):
        accepting(count=0)


def test_the_signature_lists_every_field() -> None:
    parameters = inspect.signature(wish).parameters
    assert list(parameters) == ["model", "count", "options", "data", "names"]
    assert parameters["data"].default is inspect.Parameter.empty
    assert parameters["names"].default == ()
    assert parameters["names"].kind is inspect.Parameter.KEYWORD_ONLY
    assert parameters["names"].annotation == tuple[str, ...]
    assert parameters["count"].annotation == int | None  # the function's own
    assert wish.__doc__ == "What it got."
