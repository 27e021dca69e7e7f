"""A report that is written again and again while its run is training."""

import time
from collections.abc import Callable

from reverie.core import progress
from reverie.core.interrupt import StopSignal
from reverie.core.lock import is_locked
from reverie.runs.run import Run
from reverie.training.report import write_report

SECONDS = 5.0
"""Between two looks at the run."""


def watch_report(run: Run) -> None:
    """Write the report whenever the run has logged something, until its training ends.

    A signal, such as Ctrl-C, ends it before; the training goes on.
    """
    seen = None
    with StopSignal("ending; the training goes on") as stop_requested:
        while not stop_requested():
            training = is_locked(run.folder)
            state = training, _newest(run)
            if state != seen:
                write_report(run, renewed=training)
                seen = state
            if not training:
                progress.say(f"{run.folder} is not training: the report is complete.")
                return
            _wait(SECONDS, stop_requested)


def _newest(run: Run) -> tuple[float, int]:
    """What changes when something is logged or sampled."""
    log = run.log_file.stat().st_mtime if run.log_file.exists() else 0.0
    return log, sum(len(run.sheets(kind)) for kind in run.sheet_kinds())


def _wait(seconds: float, stop_requested: Callable[[], bool]) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not stop_requested():
        time.sleep(0.1)
