"""What a user did wrong, said in one sentence with a remedy.

The command line prints a `UserError` without a traceback and leaves with exit code 2.
Everything else that is raised is a defect of ours and keeps its traceback.
"""

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """A request that cannot be met; the message says what is wrong and what to do."""


def nearest(word: str, known: Iterable[str]) -> str:
    """The end of a sentence that refuses `word`: the nearest known word, else all of them."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known are: {', '.join(names)}."
