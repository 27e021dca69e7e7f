"""The contract of methods as a function, with which a plugin tests itself in one line.

    def test_my_method() -> None:
        check_method(MyMethod)

Each check is a function of a `Subject` and asserts one promise on which training, model folders or
sampling rely. Its data is generated: random images with classes and a second domain.
"""

from collections.abc import Callable, Mapping

from reverie.core.options import OptionValue
from reverie.methods import Method
from reverie.testing.class_checks import (
    check_declarations,
    check_flags,
    check_losses,
    check_presets,
    check_previews,
    check_resuming,
)
from reverie.testing.option_checks import (
    check_determinism,
    check_networks,
    check_overfitting,
    check_phases,
    check_samples,
    check_saving,
)
from reverie.testing.subject import SPEC, Subject, evaluate_loss, random_batch, subject_of

Check = Callable[[Subject], None]

CLASS_CHECKS: tuple[Check, ...] = (
    check_declarations,
    check_presets,
    check_flags,
    check_losses,
    check_previews,
    check_resuming,
)
"""Checks to run once for a class."""

OPTION_CHECKS: tuple[Check, ...] = (
    check_networks,
    check_phases,
    check_overfitting,
    check_determinism,
    check_saving,
    check_samples,
)
"""Checks to run for each set of options that changes networks or losses."""


def check_method(method: type[Method], *, options: Mapping[str, OptionValue] | None = None) -> None:
    """Check that a method keeps the contract; takes seconds with small networks.

    Args:
        method: the class; it is registered by its own name if it is not in `METHODS`.
        options: options that differ from the method's defaults; `tiny_options` by default.

    Raises:
        AssertionError: if a promise is not kept; says which.
        UserError: if the class is no method, or an option does not exist.
    """
    subject = subject_of(method, options)
    for check in (*CLASS_CHECKS, *OPTION_CHECKS):
        check(subject)


__all__ = [
    "CLASS_CHECKS",
    "OPTION_CHECKS",
    "SPEC",
    "Check",
    "Subject",
    "check_declarations",
    "check_determinism",
    "check_flags",
    "check_losses",
    "check_method",
    "check_networks",
    "check_overfitting",
    "check_phases",
    "check_presets",
    "check_previews",
    "check_resuming",
    "check_samples",
    "check_saving",
    "evaluate_loss",
    "random_batch",
    "subject_of",
]
