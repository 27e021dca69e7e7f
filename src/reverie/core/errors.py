"""Errors caused by user input.

The command line prints a `UserError` without a traceback and exits with code 2.
Any other exception is a defect of the library and keeps its traceback.
"""

import contextlib
import difflib
import os
import re
from collections.abc import Iterable, Iterator


class UserError(ValueError):
    """Invalid user input; the message states what is wrong and how to fix it."""


@contextlib.contextmanager
def in_file(path: str | os.PathLike[str], remedy: str) -> Iterator[None]:
    """Let a `UserError` of what is inside say the file that it is about, and what to do."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{path}: {error} {remedy}") from None


def nearest(word: str, known: Iterable[str], listed: str | None = None) -> str:
    """Suggestion for an unknown `word`: the closest known name, else the list of all of them.

    A name is also found by its initials, as `learning_rate` by `lr`.

    Args:
        word: what was given.
        known: the names.
        listed: what is said instead of a long list, as "reverie methods lists them.".
    """
    names = sorted(known)
    close = [name for name in names if _initials(name) == word.strip("-").lower()][:1]
    bare = {name.lstrip("-"): name for name in names}  # dashes alone are no likeness
    alike = difflib.get_close_matches(word.lstrip("-"), bare, n=1, cutoff=0.6)
    close = close or [bare[name] for name in alike]
    if close:
        return f"did you mean {close[0]!r}?"
    return listed or f"known are: {', '.join(names)}."


def _initials(name: str) -> str | None:
    """The first letters of a name of several words."""
    words = re.split("[-_]", name.strip("-"))
    return "".join(word[:1] for word in words) if len(words) > 1 else None
