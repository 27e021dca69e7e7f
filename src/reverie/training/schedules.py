"""Learning-rate schedules by name, and those of users: a function of the step and the progress."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from reverie.core.errors import UserError
from reverie.core.plugins import Registry
from reverie.core.signatures import takes
from reverie.training.optimizers import OPTIMIZERS, name_in

Schedule = Callable[[int, float], float]
"""From the step, counted from 0, and the fraction of the training that is done, in [0, 1], to the
factor of the learning rate."""

RISE, LOWEST = 0.3, 0.04
"""Of one-cycle: the fraction in which the rate rises, and the factor that it begins with."""

FLAT_STEPS = 1000
"""Of inverse-sqrt: the steps of the full rate."""


def one_cycle(step: int, fraction: float) -> float:
    """Cosine from 0.04 to 1 in the first 30 %, then to 0: Smith & Topin 2018."""
    if fraction < RISE:
        return LOWEST + (1 - LOWEST) * 0.5 * (1 - math.cos(math.pi * fraction / RISE))
    return 0.5 * (1 + math.cos(math.pi * (fraction - RISE) / (1 - RISE)))


def inverse_sqrt(step: int, fraction: float) -> float:
    """1 for 1,000 steps, then 1/√(step / 1,000): Karras et al. 2024, equation 67."""
    return 1.0 / math.sqrt(max(1.0, step / FLAT_STEPS))


SCHEDULES: Registry[Schedule] = Registry(
    "schedule",
    "reverie.schedules",
    {"one-cycle": one_cycle, "inverse-sqrt": inverse_sqrt},
    lambda thing: None if takes(thing, 2) else "it is no function of (step, fraction)",
)
"""Schedules by name."""


def factor_of(name: str, step: int, fraction: float) -> float:
    """The factor of the learning rate at `step`, when `fraction` of the training is done.

    Raises:
        UserError: if the schedule gives none that is finite and at least 0.
    """
    factor = SCHEDULES.find(name)(step, fraction)
    if not isinstance(factor, int | float) or not math.isfinite(factor) or factor < 0:
        raise UserError(
            f"the schedule {name!r} must return a finite number of at least 0, not {factor!r} "
            f"(step {step:,}, fraction {fraction:.3f})."
        )
    return float(factor)


def named_parts(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Options with names in place of functions, which are registered by theirs.

    Raises:
        UserError: if an optimizer or a schedule is neither a name nor a function.
    """
    named = dict(changes)
    for option, registry in (("optimizer", OPTIMIZERS), ("schedule", SCHEDULES)):
        if named.get(option) is not None:
            named[option] = name_in(registry, named[option])
    return named
