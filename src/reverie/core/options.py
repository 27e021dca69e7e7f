"""Options as frozen dataclasses: one declaration is the flag, the keyword, the help and the check.

A field's docstring is its help. A bound stands in its type, as `Annotated[int, AtLeast(1)]`; a
field that may change when a run is resumed has the metadata `RESUMABLE`.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, wraps
from inspect import Parameter, signature
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from reverie.core.errors import UserError, nearest

T = TypeVar("T")

OptionValue = (
    None | bool | int | float | str | Sequence["OptionValue"] | Mapping[str, "OptionValue"]
)
"""What an option may hold, as flags and JSON have it."""

Direction = Literal["ab", "ba"]
"""From domain A to B, or from B to A."""

RESUMABLE = {"resumable": True}
"""Metadata of options that may differ when a run is resumed."""


@dataclass(frozen=True)
class AtLeast:
    """The smallest value that a number may have."""

    minimum: float


Positive = Annotated[int, AtLeast(1)]
NonNegative = Annotated[float, AtLeast(0)]
NonNegativeInt = Annotated[int, AtLeast(0)]


class Checked:
    """A base of options dataclasses: numbers are checked against their bounds when one is made."""

    def __post_init__(self) -> None:
        kinds = _types(type(self))
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            for bound in _bounds(kinds[field.name]):
                if isinstance(value, int | float) and not value >= bound.minimum:
                    raise UserError(
                        f"{flag_of(field.name)} must be at least {bound.minimum:g}, not {value:g}."
                    )


@cache
def _types(kind: type) -> dict[str, object]:
    """The fields' types, also where a module postpones its annotations."""
    fields = dataclasses.fields(kind)
    if any(isinstance(field.type, str) for field in fields):
        return dict(get_type_hints(kind, include_extras=True))
    return {field.name: field.type for field in fields}


def _bounds(kind: object) -> list[AtLeast]:
    """The bounds in a type, also inside of `Annotated[...] | None`."""
    if get_origin(kind) is Annotated:
        inner, *marks = get_args(kind)
        return [mark for mark in marks if isinstance(mark, AtLeast)] + _bounds(inner)
    return [bound for part in get_args(kind) for bound in _bounds(part)]


def flag_of(name: str) -> str:
    """The flag of a field: `image_size` is `--image-size`."""
    return f"--{name.replace('_', '-')}"


def options_of(kind: type[T], values: object) -> T:
    """The options dataclass `kind` with the fields of the same names of another dataclass."""
    names = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    return kind(**{name: getattr(values, name) for name in names})


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
            given = {n: _hashable(keywords.pop(n)) for n in list(keywords) if n in fields}
            unknown = [name for name in keywords if name not in own.parameters]
            if unknown:
                known = [*fields, *own.parameters]
                hint = nearest(unknown[0], known)
                raise UserError(f"{function.__name__} has no option {unknown[0]!r}; {hint}")
            base = keywords.get("options")
            if base is None:
                keywords["options"] = _made(kind, function.__name__, given)
            elif given:
                keywords["options"] = dataclasses.replace(base, **given)  # type: ignore[type-var]
            return function(*args, **keywords)

        extra = [_parameter(field) for field in fields.values()]
        parameters = [*own.parameters.values(), *extra]
        call.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
        return call

    return decorate


def _hashable(value: object) -> object:
    """A list as the tuple that an options dataclass holds."""
    return tuple(value) if isinstance(value, list) else value


def _made(kind: type[P], what: str, given: dict[str, object]) -> P:
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        required = field.default is dataclasses.MISSING
        if required and field.default_factory is dataclasses.MISSING and field.name not in given:
            raise UserError(f"{what} needs {field.name}=.")
    return kind(**given)


def _parameter(field: "dataclasses.Field[Any]") -> Parameter:
    required = field.default is dataclasses.MISSING
    default = Parameter.empty if required else field.default
    return Parameter(field.name, Parameter.KEYWORD_ONLY, default=default, annotation=field.type)
