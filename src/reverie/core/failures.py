"""Errors of single files, kept so that one bad file does not stop a folder."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from reverie.core import progress
from reverie.core.errors import UserError
from reverie.core.result import counted

OF_THE_DISK = frozenset([errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS])
"""Errors that the next file would meet as well."""


NAMED = 3


@dataclass(frozen=True)
class Failures:
    """What is wrong with the files that could not be done, by name."""

    reasons: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def of(self, name: object) -> Iterator[None]:
        """Context of the work on one file, whose error is kept.

        Raises:
            OSError: if the disk is full or broken.
        """
        try:
            yield
        except UserError as error:
            self.reasons[str(name)] = str(error)
        except MemoryError:
            self.reasons[str(name)] = f"{name}: it does not fit into memory."
        except OSError as error:
            if error.errno in OF_THE_DISK or error.errno is None:
                raise
            self.reasons[str(name)] = f"{error.filename or name}: {error.strerror}."

    def report(self) -> None:
        """Print one line per file."""
        for reason in self.reasons.values():
            progress.warn(f"left out: {reason}")

    def refuse(self, count: int, done: str) -> UserError:
        """The error of a folder of which nothing could be done."""
        shown = " ".join(list(self.reasons.values())[:NAMED])
        more = len(self.reasons) - NAMED
        return UserError(
            f"none of {counted(count, 'image')} could be {done}: {shown}"
            + (f" And {more} more." if more > 0 else "")
        )
