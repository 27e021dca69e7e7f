"""Values of options from text: `8`, `0.5`, `true`, `none`, `64+32`."""

from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from reverie.core.options import InvalidValue, OptionValue, coerce

NOTHING = "none"
SEPARATOR = "+"


def value_from_text(kind: Any, word: str) -> OptionValue:
    """The value of an option of the type `kind` that a word stands for.

    Numbers, words and paths are written as they are, `true` and `false`, the values of a list with
    `+` between them, and `none` for no value or an empty list.

    Raises:
        InvalidValue: if the type holds no such value, or it is out of bounds.
    """
    wrong: InvalidValue | None = None
    for reading in _readings(kind, word):
        try:
            return coerce(kind, reading)
        except InvalidValue as invalid:
            wrong = wrong or invalid  # the first reading is the most specific one
    assert wrong is not None
    raise wrong


def _readings(kind: Any, word: str) -> Iterator[OptionValue]:
    """What a word may stand for, the most specific first."""
    inner, lists = _without_none(kind)
    if lists:
        if word == NOTHING:
            yield ()
        yield tuple(value_from_text(inner, part) for part in word.split(SEPARATOR))
        return
    for read in (int, float, _truth, _nothing, str):
        try:
            yield read(word)
        except ValueError:
            continue


def _without_none(kind: Any) -> tuple[Any, bool]:
    """The type without marks and None, and for a list that of its values, and whether it is one."""
    if get_origin(kind) is Annotated:
        return _without_none(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        inner = [part for part in get_args(kind) if part is not NoneType]
        if len(inner) == 1:
            return _without_none(inner[0])
    if get_origin(kind) is tuple:
        return get_args(kind)[0], True
    return kind, False


def _truth(word: str) -> bool:
    return _one_of({"true": True, "false": False}, word)


def _nothing(word: str) -> None:
    return _one_of({NOTHING: None}, word)


def _one_of(values: dict[str, Any], word: str) -> Any:
    if word.lower() not in values:
        raise ValueError(word)
    return values[word.lower()]
