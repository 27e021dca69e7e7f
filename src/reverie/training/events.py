"""When a training logs, samples and saves: after a number of steps, or of seconds of training.

Seconds are those of the counters, which all processes agree on and a checkpoint stores: every
process decides the same, a run that is resumed goes on as if it had not stopped, and what an event
costs does not bring the next one nearer. Nothing that is trained depends on it.
"""

from dataclasses import dataclass

from reverie.core.interval import Interval
from reverie.methods.recipe import TrainOptions
from reverie.training.state import Counters

FIRST_SAMPLE_SECONDS = 15.0
"""Where sheets come by time, the first is not later than this."""


@dataclass(frozen=True)
class Due:
    """What comes after a step: a line of the log, a sheet of samples, a checkpoint."""

    log: bool
    sample: bool
    checkpoint: bool


class Events:
    """The intervals of a training.

    Args:
        options: their `log_every`, `sample_every` and `checkpoint_every`.
    """

    def __init__(self, options: TrainOptions) -> None:
        self._intervals = {
            "log": Interval.of(options.log_every),
            "sample": Interval.of(options.sample_every),
            "checkpoint": Interval.of(options.checkpoint_every),
        }

    def due(self, counters: Counters) -> Due:
        """What comes after the step that begins now; notes its time in `counters.events`.

        Args:
            counters: how far the training is before the step, equal in all processes.
        """
        found = {name: self._is_due(name, counters) for name in self._intervals}
        for name, is_due in found.items():
            if is_due:
                counters.events[name] = counters.seconds
        return Due(**found)

    def _is_due(self, name: str, counters: Counters) -> bool:
        step, waited = counters.step + 1, counters.seconds - counters.events.get(name, 0.0)
        if name == "log" and step == 1:
            return True
        interval = self._intervals[name]
        if name == "sample" and name not in counters.events and interval.seconds is not None:
            interval = interval._replace(seconds=min(interval.seconds, FIRST_SAMPLE_SECONDS))
        return interval.is_due(step, waited)
