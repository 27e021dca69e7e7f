"""The JSON schema of an option, from the type of its field."""

from collections.abc import Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from reverie.core.options import Above, AtLeast, AtMost, Below, Bound, Form, Length
from reverie.core.result import Json

SIMPLE: Mapping[Any, str] = {bool: "boolean", int: "integer", float: "number", str: "string"}
LIMITS: Mapping[type[Bound], str] = {
    AtLeast: "minimum",
    AtMost: "maximum",
    Above: "exclusiveMinimum",
    Below: "exclusiveMaximum",
}


def schema_of(kind: Any) -> dict[str, Json]:
    """What JSON may hold for an option of the type `kind`, in the terms of JSON schema."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _marked(parts[0], parts[1:])
    if origin is Literal:
        return {"enum": list(parts)}
    if origin in (Union, UnionType):
        several = [schema_of(part) for part in parts if part is not NoneType]
        if NoneType in parts:
            several.append({"type": "null"})
        return several[0] if len(several) == 1 else {"anyOf": several}
    if origin is tuple:
        if Ellipsis in parts:
            return {"type": "array", "items": schema_of(parts[0])}
        items = [schema_of(part) for part in parts]
        return {"type": "array", "prefixItems": items, "minItems": len(items)}
    if kind in SIMPLE:
        return {"type": SIMPLE[kind]}
    if kind is Path:
        return {"type": "string", "format": "path"}
    if origin in (dict, Mapping):
        return {"type": "object"}
    return {}


def _marked(inner: Any, marks: tuple[Any, ...]) -> dict[str, Json]:
    """The schema of a type with bounds."""
    forms = [mark for mark in marks if isinstance(mark, Form)]
    if forms:
        kinds = [SIMPLE.get(kind, "array") for kind in get_args(inner) if kind is not NoneType]
        one: dict[str, Json] = {"type": kinds, "x-form": forms[0].words}
        return {"anyOf": [one, {"type": "null"}]} if NoneType in get_args(inner) else one
    schema = schema_of(inner)
    for mark in marks:
        if isinstance(mark, Bound):
            schema[LIMITS[type(mark)]] = mark.limit
        if isinstance(mark, Length):
            schema |= {"minItems": mark.fewest, "maxItems": mark.most}
    return schema
