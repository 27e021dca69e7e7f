"""How often something happens: every so many steps, every so many seconds, or both.

Written `500`, `30s`, `5m`, `1h` or `500 or 30s`.
"""

import re
from typing import Annotated, NamedTuple

from reverie.core.options import AtLeast, Form, InvalidValue, coerce

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
"""Seconds of each unit of time."""

STEPS = re.compile(r"[0-9]{1,18}")
TIME = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*([smh])")
WANTED = "a number of steps, a time as 30s, 5m or 1h, or both as '500 or 30s'"


class Interval(NamedTuple):
    """Steps and seconds between two events; at least one of them is given.

    With both, an event comes at every multiple of `steps`, and `seconds` after the last one.
    """

    steps: int | None
    seconds: float | None

    @classmethod
    def of(cls, value: object) -> "Interval":
        """The interval that is given as an `Every`.

        Raises:
            InvalidValue: if it is none, or not above 0.
        """
        if isinstance(value, Interval):
            return value
        if not isinstance(value, str):
            try:
                return cls(coerce(Annotated[int, AtLeast(1)], value), None)
            except InvalidValue:
                raise InvalidValue(WANTED, value) from None
        steps, seconds = [], []
        for part in value.lower().split(" or "):
            if STEPS.fullmatch(part.strip()):
                steps.append(int(part))
            elif found := TIME.fullmatch(part.strip()):
                seconds.append(float(found[1]) * UNITS[found[2]])
            else:
                raise InvalidValue(WANTED, value)
        if len(steps) > 1 or len(seconds) > 1 or 0 in steps or 0.0 in seconds:
            raise InvalidValue(WANTED, value)
        return cls(steps[0] if steps else None, seconds[0] if seconds else None)

    @property
    def option(self) -> int | str:
        """As options and their files have it: `500`, `30s` or `500 or 30s`."""
        if self.seconds is None:
            assert self.steps is not None
            return self.steps
        unit = next(u for u in reversed(UNITS) if self.seconds % UNITS[u] == 0 or u == "s")
        time = f"{self.seconds / UNITS[unit]:.10g}{unit}"
        return time if self.steps is None else f"{self.steps} or {time}"

    def times(self, factor: float) -> "Interval":
        """The steps multiplied and rounded, at least 1; the time stays."""
        steps = None if self.steps is None else max(1, round(self.steps * factor))
        return Interval(steps, self.seconds)

    def is_due(self, step: int, waited: float) -> bool:
        """Whether the event comes at `step`, when `waited` seconds have passed since the last."""
        by_steps = self.steps is not None and step % self.steps == 0
        return by_steps or (self.seconds is not None and waited >= self.seconds)


class IntervalForm(Form):
    """The mark of options that hold an interval."""

    words = "STEPS, TIME or 'STEPS or TIME'"

    def parse(self, value: object) -> int | str:
        """Steps as an integer, a time as `30s`, both as `500 or 30s`."""
        return Interval.of(value).option


Every = Annotated[int | str, IntervalForm()]
"""An interval as people give it: 500, "30s", "500 or 5m". Stored in the same forms."""
