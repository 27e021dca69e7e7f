"""Progress on standard error: a bar with speed and remaining time, or periodic lines in a log.

Standard output is reserved for results. Where the environment names a file in `REVERIE_PROGRESS`,
it holds the newest state as JSON, for programs that show it. Colours follow `NO_COLOR`.
"""

import contextlib
import io
import json
import os
import sys
import time
import unicodedata
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:  # it takes long to import for commands that answer at once
    from rich.console import Console

    from reverie.core.bar_line import BarLine

T = TypeVar("T")


SECONDS_BETWEEN_LINES = 10.0

PROGRESS_FILE, SECONDS_BETWEEN_FILES = "REVERIE_PROGRESS", 0.5
"""The environment's name of the file, and how often it is written at most."""


_IS_SILENT: ContextVar[bool] = ContextVar("is_silent", default=False)

_quiet = False


def set_quiet(quiet: bool) -> None:
    """Let this process say nothing on standard error, but for the errors that end a command."""
    global _quiet
    _quiet = quiet


def is_quiet() -> bool:
    """Whether this process says nothing but errors."""
    return _quiet


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Context in which this thread says nothing, for work whose result somebody else is told."""
    before = _IS_SILENT.set(True)
    try:
        yield
    finally:
        _IS_SILENT.reset(before)


class _StandardError(io.TextIOBase):
    """Standard error that is lost where it was closed or its disk is full: nothing that is said
    on it may stop what it is about. A write within a signal's handler is a RuntimeError."""

    def __init__(self, is_error: bool = False) -> None:
        # While a bar is shown, rich puts a proxy in place of the stream, which prints here.
        stream = getattr(sys.stderr, "rich_proxied_file", sys.stderr)
        self._stream = None if _IS_SILENT.get() or (_quiet and not is_error) else stream

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return getattr(self._stream, "encoding", None) or "utf-8"

    def isatty(self) -> bool:
        with contextlib.suppress(OSError, ValueError):  # ValueError: of a closed file
            return self._stream is not None and self._stream.isatty()
        return False

    def write(self, text: str, /) -> int:
        if self._stream is not None:
            with contextlib.suppress(OSError, ValueError, RuntimeError):
                encoded = text.encode(self.encoding, "backslashreplace")
                self._stream.write(encoded.decode(self.encoding))
        return len(text)

    def flush(self) -> None:
        if self._stream is not None:
            with contextlib.suppress(OSError, ValueError, RuntimeError):
                self._stream.flush()


def console() -> "Console":
    """New console on standard error; created per call so that redirection is respected."""
    from rich.console import Console

    return Console(file=_StandardError(), highlight=False, soft_wrap=True, emoji=False)  # type: ignore[arg-type]


def say(text: str, *, is_error: bool = False) -> None:
    """Print one line to standard error; an error also where the process is quiet."""
    stream = _StandardError(is_error)
    stream.write(printable(text) + "\n")
    stream.flush()


def warn(text: str) -> None:
    """Print one line to standard error, highlighted on a terminal."""
    if not _StandardError().isatty():
        say(f"note: {text}")
        return
    from rich.text import Text

    console().print(Text.assemble(("note:", "bold yellow"), " ", printable(text)))


def printable(text: str) -> str:
    """One line of text in which escapes stand for what a terminal or UTF-8 cannot show: control
    characters, and bytes of file names in other encodings."""
    unsafe = ("C", "Zl", "Zp")  # Unicode's categories
    return "".join(
        c.encode("unicode_escape").decode() if unicodedata.category(c).startswith(unsafe) else c
        for c in text
    )


class Bar:
    """Progress bar; without a terminal, a line every `SECONDS_BETWEEN_LINES` seconds.

    Context manager; `update(completed, text)` may be called at any rate. Without a `unit` the
    completed fraction is shown in percent. It is one line of any terminal: of the text, which comes
    last, as much is shown as there is room for.
    """

    def __init__(self, label: str, total: float, unit: str = "") -> None:
        self.total = total
        self._label = label
        self._first: float | None = None  # not 0 when a training is resumed
        self._unit = unit
        self._started = self._said = time.monotonic()
        self._file = os.environ.get(PROGRESS_FILE)
        self._written = -SECONDS_BETWEEN_FILES
        self._line = _bar_line(label, total, unit) if _StandardError().isatty() else None

    def __enter__(self) -> "Bar":
        if self._line is not None:
            self._line.progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._line is not None:
            self._line.progress.stop()

    def update(self, completed: float, text: str = "") -> None:
        """Show `completed` of the total, followed by `text`."""
        now = time.monotonic()
        if self._first is None:
            self._first, self._started = completed, now
        if self._file is not None and now - self._written >= SECONDS_BETWEEN_FILES:
            self._written = now
            self._write(completed, text)
        if self._line is not None:
            self._line.update(completed, text)
            return
        if now - self._said >= SECONDS_BETWEEN_LINES:
            self._said = now
            share = f"{completed / self.total:4.0%}" if self.total else ""
            left = readable_seconds(self._seconds_left(completed) or 0.0)
            say(f"{self._label} {share}, {left} left  {text}")

    def _seconds_left(self, completed: float) -> float | None:
        """The time that is left at the mean speed so far; None before the first unit of work."""
        made = completed - (self._first or 0.0)
        spent = time.monotonic() - self._started
        return spent * (self.total - completed) / made if made > 0 else None

    def _write(self, completed: float, text: str) -> None:
        """Replace the file of the state; a full disk stops no work."""
        assert self._file is not None
        share = min(max(completed / self.total, 0.0), 1.0) if self.total else None
        state = {"label": self._label, "progress": share, "text": text}
        state["seconds_left"] = self._seconds_left(completed)
        aside = f"{self._file}.{os.getpid()}.part"
        with contextlib.suppress(OSError):
            with open(aside, "w", encoding="utf-8") as file:
                json.dump(state, file)
            os.replace(aside, self._file)


def _bar_line(label: str, total: float, unit: str) -> "BarLine":
    from reverie.core.bar_line import BarLine

    return BarLine(label, total, unit, console())


def track(items: Iterable[T], total: int, label: str, unit: str = "images") -> Iterator[T]:
    """Yield `items`; show a progress bar after two seconds."""
    started = time.monotonic()
    iterator = iter(items)
    done = 0
    for item in iterator:
        yield item
        done += 1
        if time.monotonic() - started > 2.0:
            break
    else:
        return
    with Bar(label, total, unit) as bar:
        for item in iterator:
            yield item
            done += 1
            speed = done / (time.monotonic() - started)
            bar.update(done, readable_speed(speed, unit))


class Clock:
    """Stopwatch that starts when constructed."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        return max(time.monotonic() - self._started, 1e-9)


def readable_seconds(seconds: float) -> str:
    """`75` as `1:15`, `3700` as `1:01:40`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def readable_duration(seconds: float) -> str:
    """A rough time in words: `40 seconds`, `14 minutes`, `2.5 hours`, `3 days`."""
    units = (("second", 1, 90), ("minute", 60, 5400), ("hour", 3600, 129_600))
    chosen = ((unit, length) for unit, length, below in units if seconds < below)
    unit, length = next(chosen, ("day", 86_400))
    count = seconds / length
    number = f"{count:.1f}" if unit in ("hour", "day") and count < 10 else f"{count:.0f}"
    number = number.removesuffix(".0")
    return f"{number} {unit}{'' if number == '1' else 's'}"


def readable_speed(per_second: float, unit: str) -> str:
    """Format a rate: `1,200 images/s`, `2.5 images/s`, or `30 images/min` below one per second."""
    if per_second < 1:
        return f"{60 * per_second:,.0f} {unit}/min"
    return f"{per_second:,.{0 if per_second >= 10 else 1}f} {unit}/s"
