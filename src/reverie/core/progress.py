"""Progress on standard error: a bar with speed and time left, or a line now and then in a log.

Standard output stays free for results.
"""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

T = TypeVar("T")


SECONDS_BETWEEN_LINES = 10.0


def console() -> Console:
    """A console on standard error, made anew so that a redirected stream is respected."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """One line to the person who is watching."""
    console().print(text, markup=False)


def warn(text: str) -> None:
    """One line that should not be overlooked."""
    console().print(f"[bold yellow]note:[/] {_escape(text)}")


def _escape(text: str) -> str:
    return text.replace("[", r"\[")


class Bar:
    """A progress bar that also works where there is no terminal.

    Use as a context manager; `update(completed, text)` as often as you like. A bar with no
    `total` can be given `fraction` of the way instead.
    """

    def __init__(self, label: str, total: float, unit: str = "") -> None:
        self.total = total
        self._label = label
        self._first: float | None = None  # a resumed training begins somewhere on the way
        self._unit = unit
        self._started = self._said = time.monotonic()
        self._terminal = sys.stderr.isatty()
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn() if unit else TextColumn("{task.percentage:>3.0f} %"),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            TextColumn("{task.fields[text]}", markup=False),
            console=console(),
            disable=not self._terminal,
            transient=True,
        )
        self._task = self._progress.add_task(label, total=total, text="")

    def __enter__(self) -> "Bar":
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()

    def update(self, completed: float, text: str = "") -> None:
        """Show that `completed` of the total is done, with `text` behind it."""
        if self._terminal:
            self._progress.update(self._task, completed=completed, text=text)
            return
        now = time.monotonic()
        if self._first is None:
            self._first, self._started = completed, now
        if now - self._said >= SECONDS_BETWEEN_LINES:
            self._said = now
            made = completed - self._first
            left = (now - self._started) * (self.total - completed) / made if made > 0 else 0.0
            share = f"{completed / self.total:4.0%}" if self.total else ""
            say(f"{self._label} {share}, {readable_seconds(left)} left  {text}")


def track(items: Iterable[T], total: int, label: str, unit: str = "pictures") -> Iterator[T]:
    """Pass `items` on; once they have taken two seconds, show a bar."""
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
    """Seconds since it was made."""

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


def readable_speed(per_second: float, unit: str) -> str:
    """`1,200 pictures/s`, `2.5 pictures/s`, or `30 pictures/min` where a second is too short."""
    if per_second < 1:
        return f"{60 * per_second:,.0f} {unit}/min"
    return f"{per_second:,.{0 if per_second >= 10 else 1}f} {unit}/s"
