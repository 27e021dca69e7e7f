"""Options as frozen dataclasses: one declaration is the flag, the keyword, the help and the check.

A field's docstring is its help. Its type says what it may hold and stands for the check: choices as
`Literal`, bounds as `Annotated[int, AtLeast(1)]`. A field that may change when a run is resumed has
the metadata `RESUMABLE`.
"""

import dataclasses
import math
import os
import reprlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, wraps
from inspect import Parameter, signature
from pathlib import Path
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    ClassVar,
    Literal,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from reverie.core.errors import UserError, nearest

T = TypeVar("T")

OptionValue = (
    None
    | bool
    | int
    | float
    | str
    | os.PathLike[str]
    | Sequence["OptionValue"]
    | Mapping[str, "OptionValue"]
)
"""What an option may be given as; flags and JSON have no paths, but strings."""

Direction = Literal["ab", "ba"]
"""From domain A to B, or from B to A."""

PairBy = Literal["grey", "edges", "lowres", "blur"]
"""What the input of a pair is made of its target by: see `data/derived.py`."""

RESUMABLE = {"resumable": True}
"""Metadata of options that may differ when a run is resumed."""


@dataclass(frozen=True)
class Bound(ABC):
    """A limit of a number, as a mark in its type."""

    limit: float
    words: ClassVar[str]
    sign: ClassVar[str]

    @abstractmethod
    def allows(self, value: float) -> bool:
        """Whether a number keeps to it."""

    def __str__(self) -> str:
        return f"{self.words} {self.limit:g}"


class AtLeast(Bound):
    """The smallest value that a number may have."""

    words, sign = "at least", "≥"

    def allows(self, value: float) -> bool:
        return value >= self.limit


class AtMost(Bound):
    """The largest value that a number may have."""

    words, sign = "at most", "≤"

    def allows(self, value: float) -> bool:
        return value <= self.limit


class Above(Bound):
    """A value that a number must exceed."""

    words, sign = "above", ">"

    def allows(self, value: float) -> bool:
        return value > self.limit


class Below(Bound):
    """A value that a number must stay below."""

    words, sign = "below", "<"

    def allows(self, value: float) -> bool:
        return value < self.limit


@dataclass(frozen=True)
class Length:
    """How many values a tuple may have, as a mark in its type."""

    fewest: int
    most: int


class Form(ABC):
    """A mark of a type whose values are given in several forms, `words`, and stored in one."""

    words: ClassVar[str]

    @abstractmethod
    def parse(self, value: object) -> object:
        """The value as it is stored; raises InvalidValue if it has none of the forms."""


Positive = Annotated[int, AtLeast(1)]
NonNegativeInt = Annotated[int, AtLeast(0)]
NonNegative = Annotated[float, AtLeast(0)]
PositiveFloat = Annotated[float, Above(0)]
Fraction = Annotated[float, AtLeast(0), AtMost(1)]
DecayRate = Annotated[float, AtLeast(0), Below(1)]
"""The share of a moving average that is kept at each step."""
LayerSize = Annotated[int, AtLeast(1), AtMost(2**16)]
"""Channels or features of a layer."""
LayerCount = Annotated[int, AtLeast(1), AtMost(100)]
"""Layers or blocks of a network."""
DefaultOrLayerCount = Annotated[int, AtLeast(0), AtMost(100)]
"""Layers or blocks of a network, where 0 stands for a number that is derived."""

SMALLEST_INT, LARGEST_INT, LONGEST_SHOWN = -(2**63), 2**64 - 1, 80


class Checked:
    """A base of options dataclasses: what does not fit a field's type is refused when one is made.

    Numbers are finite and keep to their bounds, integers have 64 bits, text has no null characters.
    What is meant by the same is converted: NumPy's and PyTorch's numbers, lists and arrays for
    tuples, one word for a tuple of words, strings for paths and paths for strings.
    """

    def __post_init__(self) -> None:
        kinds = field_types(type(self))
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            try:
                coerced = coerce(kinds[field.name], value)
            except InvalidValue as invalid:
                raise UserError(f"{flag_of(field.name)} must be {invalid}.") from None
            if coerced is not value:
                object.__setattr__(self, field.name, coerced)


class InvalidValue(Exception):
    """A value does not fit a type: `wanted` is what it must be; `str` adds what it is."""

    def __init__(self, wanted: str, value: object) -> None:
        super().__init__(f"{wanted}, not {_shown(value)}")
        self.wanted = wanted


def coerce(kind: Any, value: object) -> Any:
    """`value` as a field of the type `kind` holds it.

    Raises:
        InvalidValue: if it is of another type, no choice of a `Literal`, or out of bounds.
    """
    origin, parts = get_origin(kind), get_args(kind)
    if hasattr(value, "tolist"):  # of NumPy or PyTorch
        value = value.tolist()  # type: ignore[attr-defined]
    if origin is Annotated and isinstance(parts[1], Form):
        absent = value is None and NoneType in get_args(parts[0])
        return None if absent else parts[1].parse(value)
    if origin is Annotated:
        return _within(parts[1:], coerce(parts[0], value))
    if origin in (Union, UnionType):
        return _coerce_one_of(parts, value)
    if origin is Literal:
        choices = ", ".join(map(str, parts))
        if not isinstance(value, str | int) or value not in parts:
            raise InvalidValue(f"one of {choices}" if len(parts) > 1 else choices, value)
        return value
    if origin is tuple:
        return _coerce_tuple(parts, value)
    if origin in (dict, Mapping):
        return _coerce_mapping(parts, value)
    if kind in SIMPLE:
        return SIMPLE[kind](value)
    if isinstance(kind, type) and not isinstance(value, kind):
        raise InvalidValue("nothing" if kind is NoneType else f"a {kind.__name__}", value)
    return value  # what other types mean is left to the class that uses them


def _coerce_one_of(kinds: Sequence[Any], value: object) -> object:
    """`value` as the first of several types that it fits."""
    invalid = []
    for kind in kinds:
        try:
            return coerce(kind, value)
        except InvalidValue as error:
            if kind is not NoneType:
                invalid.append(error)
    if len(invalid) == 1:
        raise invalid[0]
    raise InvalidValue(" or ".join(error.wanted for error in invalid), value)


def _coerce_tuple(kinds: Sequence[Any], value: object) -> tuple[object, ...]:
    if isinstance(value, str | os.PathLike):
        value = (value,)
    if not isinstance(value, Sequence) or isinstance(value, bytes):
        raise InvalidValue("a list", value)
    if Ellipsis in kinds:
        kinds = [kinds[0]] * len(value)
    if len(value) != len(kinds):
        raise InvalidValue(f"a list of {len(kinds)}", value)
    return tuple(coerce(kind, one) for kind, one in zip(kinds, value, strict=True))


def _coerce_mapping(kinds: Sequence[Any], value: object) -> dict[object, object]:
    if not isinstance(value, Mapping):
        raise InvalidValue("names with values", value)
    keys, values = kinds or (Any, Any)
    return {coerce(keys, key): coerce(values, one) for key, one in value.items()}


def _coerce_bool(value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidValue("True or False", value)
    return value


def _coerce_int(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidValue("an integer", value)
    if not SMALLEST_INT <= value <= LARGEST_INT:
        raise InvalidValue("an integer of 64 bits", value)
    return int(value)


def _coerce_float(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidValue("a number", value)
    if not math.isfinite(value) if isinstance(value, float) else abs(value) > LARGEST_INT:
        raise InvalidValue("a finite number", value)
    return float(value)


def _coerce_text(value: object) -> str:
    text = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(text, str):
        raise InvalidValue("text", value)
    if "\0" in text:
        raise InvalidValue("text without null characters", value)
    return str(text)


def _coerce_path(value: object) -> Path:
    if not isinstance(value, str | os.PathLike) or not _coerce_text(value):
        raise InvalidValue("a path", value)
    return Path(value)


SIMPLE: dict[Any, Callable[[object], object]] = {
    bool: _coerce_bool,
    int: _coerce_int,
    float: _coerce_float,
    str: _coerce_text,
    Path: _coerce_path,
    Any: lambda value: value,
}


def _within(marks: Sequence[object], value: Any) -> Any:
    """`value`, if it keeps to the bounds among the marks of its type."""
    if value is None:
        return value
    for mark in marks:
        if isinstance(mark, Bound) and not mark.allows(value):
            raise InvalidValue(str(mark), value)
        if isinstance(mark, Length) and not mark.fewest <= len(value) <= mark.most:
            raise InvalidValue(f"{mark.fewest} to {mark.most} values", value)
    return value


_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = _REPR.maxlong = LONGEST_SHOWN


def _shown(value: object) -> str:
    """A value in a message, shortened."""
    if isinstance(value, int) and abs(value) > LARGEST_INT:
        return f"one of {value.bit_length()} bits"
    return f"{value:g}" if isinstance(value, float) else _REPR.repr(value)


@cache
def field_types(kind: type) -> dict[str, object]:
    """The types of a dataclass's fields, also where a module postpones its annotations."""
    fields = dataclasses.fields(kind)
    if any(isinstance(field.type, str) for field in fields):
        return dict(get_type_hints(kind, include_extras=True))
    return {field.name: field.type for field in fields}


def flag_of(name: str) -> str:
    """The flag of a field: `image_size` is `--image-size`."""
    return f"--{name.replace('_', '-')}"


def options_of(kind: type[T], values: object) -> T:
    """The options dataclass `kind` with the fields of the same names of another dataclass."""
    names = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    return kind(**{name: getattr(values, name) for name in names})


def options_from_json(kind: type[T], content: object) -> T:
    """The options dataclass `kind` from what JSON holds of it.

    Raises:
        UserError: if an option is missing or unknown, or a value does not fit.
    """
    if not isinstance(content, dict):
        raise UserError(f"the options must be names with values, not {_shown(content)}.")
    fields = dataclasses.fields(kind)  # type: ignore[arg-type]
    unknown = sorted(set(content) - {field.name for field in fields})
    if unknown:
        raise UserError(
            f"the options name {', '.join(unknown[:5])}, which this version does not have: "
            "update reverie, or use the version that made the file."
        )
    _refuse_missing(kind, content, "the options lack {}.")
    return kind(**content)


P = TypeVar("P")
R = TypeVar("R")


def accepts_fields(kind: type[P]) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Let a function that takes `options: kind | None` take its fields as keyword arguments too.

    The signature that `help()` and notebooks show has every field with its type and default;
    `api.pyi`, which `scripts/write_stubs.py` writes, has them for type checkers.
    """

    def decorate(function: Callable[..., R]) -> Callable[..., R]:
        own = signature(function)
        fields = {
            f.name: f
            for f in dataclasses.fields(kind)  # type: ignore[arg-type]
            if f.name not in own.parameters
        }

        @wraps(function)
        def call(*args: object, **keywords: object) -> R:
            given = {name: keywords.pop(name) for name in list(keywords) if name in fields}
            unknown = [name for name in keywords if name not in own.parameters]
            if unknown:
                known = [*fields, *own.parameters]
                hint = nearest(unknown[0], known, f"help(reverie.{function.__name__}) lists all.")
                raise UserError(f"{function.__name__} has no option {unknown[0]!r}; {hint}")
            base = keywords.get("options")
            if base is None:
                _refuse_missing(kind, given, f"{function.__name__} needs {{}}=.")
                keywords["options"] = kind(**given)
            elif given:
                keywords["options"] = dataclasses.replace(base, **given)  # type: ignore[type-var]
            return function(*args, **keywords)

        extra = [_parameter(field) for field in fields.values()]
        parameters = [*own.parameters.values(), *extra]
        call.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
        return call

    return decorate


def _refuse_missing(kind: type, given: Mapping[str, object], message: str) -> None:
    """Raise a UserError of `message` and the name of a required field that is not given."""
    for field in dataclasses.fields(kind):
        required = field.default is dataclasses.MISSING
        if required and field.default_factory is dataclasses.MISSING and field.name not in given:
            raise UserError(message.format(field.name))


def _parameter(field: "dataclasses.Field[Any]") -> Parameter:
    required = field.default is dataclasses.MISSING
    default = Parameter.empty if required else field.default
    return Parameter(field.name, Parameter.KEYWORD_ONLY, default=default, annotation=field.type)
