"""What an option takes and what it is by default, in words for a terminal."""

from collections.abc import Mapping
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

import tyro

from reverie.core.options import Form

WORDS: Mapping[Any, str] = {int: "INTEGER", float: "NUMBER", str: "TEXT", Path: "PATH"}


def takes(kind: Any) -> str:
    """What an option of the type `kind` takes: `INTEGER`, `l1|l2`, `TEXT ...`."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        form = next((mark for mark in parts[1:] if isinstance(mark, Form)), None)
        return takes(parts[0]) if form is None else form.words
    if origin is Literal:
        return "|".join(map(str, parts))
    if origin is tuple:
        inner = [takes(part) for part in parts if part is not Ellipsis]
        return " ".join([*inner, "..."] if Ellipsis in parts else inner)
    if origin in (dict, Mapping):
        return "NAME=VALUE ..."
    if kind in WORDS:
        return WORDS[kind]
    inner = [takes(part) for part in parts if part is not NoneType]
    return " or ".join(inner) or "VALUE"


def choices_of(kind: Any) -> list[str]:
    """The words that an option of the type `kind` may have, where they are known."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Literal:
        return list(map(str, parts))
    if origin is Annotated:
        return choices_of(parts[0])
    return [choice for part in parts for choice in choices_of(part)] if parts else []


def default_in_words(value: object) -> str:
    """A default as it is typed; empty where there is none."""
    match value:
        case None | () | {}:
            return ""
        case bool():
            return "on" if value else "off"
        case float():
            return f"{value:g}"
        case tuple() | list():
            return " ".join(map(str, value))
    return str(value)


def is_positional(kind: Any) -> bool:
    """Whether an option is a word of its own on the command line, and no flag."""
    return any(mark is tyro.conf.Positional for mark in get_args(kind)[1:])


def is_hidden(kind: Any) -> bool:
    """Whether an option is kept from the command line."""
    return any(mark is tyro.conf.Suppress for mark in get_args(kind)[1:])
