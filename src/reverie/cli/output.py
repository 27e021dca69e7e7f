"""Standard output, which may be closed, full or unable to show a character."""

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import TextIO

from reverie.core.errors import UserError


def prepare_output() -> None:
    """Replace closed standard streams by the null device, and unknown characters by escapes.

    A stream that was closed when the process began (`>&-`) is None in Python, and its file
    descriptor would be that of the next file that is opened, into which libraries might print.
    """
    if sys.stdout is None:
        sys.stdout = _nowhere()
    if sys.stderr is None:
        sys.stderr = _nowhere()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _nowhere() -> TextIO:
    return open(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8", closefd=False)


@contextlib.contextmanager
def printing() -> Iterator[None]:
    """What is inside prints; a reader that closed its end, as `head` does, ends it quietly.

    Raises:
        UserError: if it cannot be written, as on a full disk.
    """
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        _discard_output()
    except OSError as error:
        _discard_output()
        raise UserError(f"the result could not be printed ({error.strerror}).") from None


def _discard_output() -> None:
    """Let what is left in the buffer go nowhere, or Python would report it at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
