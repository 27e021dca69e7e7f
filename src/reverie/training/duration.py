"""How long a training takes on this machine, estimated from its first seconds."""

from reverie.core.progress import readable_duration

MEASURED_SECONDS = 5.0
"""Training time that is measured; the first step, which is slow, is not part of it."""

SHORTEST_SECONDS = 30.0
"""Trainings of which less is left are over before an estimate is of use."""


class DurationEstimate:
    """Estimates once, in words, how long a training of a number of steps will take."""

    def __init__(self) -> None:
        self._start: tuple[int, float, float] | None = None
        self._done = False

    def after_step(self, step: int, fraction: float, seconds: float) -> str | None:
        """The estimate after the step with which enough was measured, otherwise None.

        Args:
            step: number of steps so far, also of the run that is resumed.
            fraction: fraction of the training that is done.
            seconds: training time so far.
        """
        if self._start is None:
            self._start = step, fraction, seconds
        first, before, began = self._start
        if self._done or seconds - began < MEASURED_SECONDS or fraction <= before:
            return None
        self._done = True
        left = (seconds - began) / (fraction - before) * (1 - fraction)
        if left < SHORTEST_SECONDS:
            return None
        if first > 1:  # resumed
            return f"{step / fraction - step:,.0f} more steps, about {readable_duration(left)} here"
        return f"{step / fraction:,.0f} steps, about {readable_duration(seconds + left)} here"
