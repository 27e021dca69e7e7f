"""The help texts of options: the docstrings of a dataclass's fields."""

import ast
import dataclasses
import inspect
import threading
from functools import cache
from itertools import pairwise

ONE_AT_A_TIME = threading.RLock()
"""CPython 3.11 fails in `ast.parse` where two threads parse at once: a SystemError."""


def help_of(kind: type, name: str) -> str:
    """A field's docstring, that of the nearest class that has one, or its metadata's `help`."""
    told = next((f.metadata.get("help") for f in dataclasses.fields(kind) if f.name == name), None)
    if told is not None:
        return told
    bases = [base for base in kind.__mro__ if dataclasses.is_dataclass(base)]
    return next((docstrings(b)[name] for b in bases if name in docstrings(b)), "")


@cache
def docstrings(kind: type) -> dict[str, str]:
    """The docstring of each field that a class itself declares."""
    with ONE_AT_A_TIME:  # inspect parses too
        body = ast.parse(inspect.cleandoc(inspect.getsource(kind))).body[0].body  # type: ignore[attr-defined]
    return {
        one.target.id: " ".join(ast.literal_eval(after.value).split())
        for one, after in pairwise(body)
        if isinstance(one, ast.AnnAssign)
        and isinstance(one.target, ast.Name)
        and isinstance(after, ast.Expr)
        and isinstance(after.value, ast.Constant)
    }
