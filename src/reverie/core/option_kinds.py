"""The types of options as JSON and back, for the index of methods and datasets."""

import functools
import operator
from collections.abc import Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import tyro

from reverie.core.options import Above, AtLeast, AtMost, Below, Bound, Length
from reverie.core.result import Json

HIDDEN = "hidden"
"""The mark of an option that is no flag."""

SIMPLE: Mapping[str, Any] = {
    "int": int, "float": float, "str": str, "bool": bool, "path": Path, "none": NoneType,
    "any": Any, "...": Ellipsis,
}  # fmt: skip
"""Types by their names in JSON."""

BOUNDS: Mapping[str, type[Bound]] = {
    kind.__name__: kind for kind in (Above, AtLeast, AtMost, Below)
}


def kind_to_json(kind: Any) -> Json:
    """A type as JSON: `int`, or a constructor with its parts, as `["tuple", "int", "..."]`."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return ["annotated", kind_to_json(parts[0]), *(_mark_to_json(mark) for mark in parts[1:])]
    if origin is Literal:
        return ["literal", *parts]
    if origin in (Union, UnionType):
        return ["union", *map(kind_to_json, parts)]
    if origin in (tuple, dict):
        return [origin.__name__, *map(kind_to_json, parts)]
    for name, one in SIMPLE.items():
        if kind is one:
            return name
    raise NotImplementedError(f"say here how a {kind} is written")


def kind_from_json(content: Any) -> Any:
    """The type that `kind_to_json` wrote."""
    if isinstance(content, str):
        return SIMPLE[content]
    name, *parts = content
    if name == "annotated":
        return Annotated[kind_from_json(parts[0]), *map(_mark_from_json, parts[1:])]
    if name == "literal":
        return Literal[*parts]
    kinds = tuple(map(kind_from_json, parts))
    if name == "union":
        return functools.reduce(operator.or_, kinds)
    return tuple[kinds] if name == "tuple" else dict[kinds]  # type: ignore[valid-type]


def _mark_to_json(mark: Any) -> Json:
    if isinstance(mark, Bound):
        return [type(mark).__name__, mark.limit]
    if isinstance(mark, Length):
        return ["Length", mark.fewest, mark.most]
    if mark is tyro.conf.Suppress:
        return [HIDDEN]
    raise NotImplementedError(f"say here how {mark} is written")


def _mark_from_json(content: Any) -> Any:
    name, *values = content
    if name == HIDDEN:
        return tyro.conf.Suppress
    return Length(*values) if name == "Length" else BOUNDS[name](*values)
