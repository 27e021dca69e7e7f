"""Errors caused by user input.

The command line prints a `UserError` without a traceback and exits with code 2.
Any other exception is a defect of the library and keeps its traceback.
"""

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """Invalid user input; the message states what is wrong and how to fix it."""


def nearest(word: str, known: Iterable[str]) -> str:
    """Suggestion for an unknown `word`: the closest known name, else the list of all of them."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known are: {', '.join(names)}."
