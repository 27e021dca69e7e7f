"""Graceful shutdown on SIGINT and SIGTERM."""

import signal
import threading
from typing import Any

from reverie.core import progress


class StopSignal:
    """Context manager that defers the first SIGINT or SIGTERM; a second one interrupts at once.

    Entering returns a function that is True once a signal was received.
    """

    def __init__(self, what: str = "finishing this step and saving") -> None:
        self._what = what
        self._requested = False
        self._before: dict[int, Any] = {}

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._on_signal)
        return lambda: self._requested

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, frame: object) -> None:
        if self._requested:
            raise KeyboardInterrupt
        self._requested = True
        progress.say(f"{self._what}; once more to stop at once")
