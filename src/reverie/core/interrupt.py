"""Graceful shutdown on the signals by which people and systems end a process."""

import signal
import threading
import time
from typing import Any

from reverie.core import progress

STOP_SIGNALS = tuple(
    number
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGXCPU")
    if (number := getattr(signal, name, None)) is not None
)
"""Ctrl-C; the end of a service; a closed terminal; a batch system's warning; spent CPU time."""

ABORT_SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""The signals that, sent again, stop at once; the system repeats the others by itself."""

DEBOUNCE_SECONDS = 1.0
"""Terminals and supervisors send the same request to several processes, which pass it on: what
arrives within this time of the first signal is no second request."""


class StopSignal:
    """Context manager that defers the first signal; Ctrl-C or SIGTERM again interrupts at once.

    Entering returns a function that is True once a signal was received. Signals that were ignored
    before stay ignored: a process under `nohup` outlives its terminal.
    """

    def __init__(self, what: str = "finishing this step and saving") -> None:
        self._what = what
        self._requested_at: float | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            for number in STOP_SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._on_signal)
        return lambda: self._requested_at is not None

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, frame: object) -> None:
        now = time.monotonic()
        if self._requested_at is None:
            self._requested_at = now
            progress.say(f"{self._what}; once more to stop at once")
        elif number in ABORT_SIGNALS and now - self._requested_at > DEBOUNCE_SECONDS:
            raise KeyboardInterrupt
