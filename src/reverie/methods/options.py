"""The options that every method begins with."""

from dataclasses import dataclass

from reverie.core.options import Checked, DecayRate, NonNegative


@dataclass(frozen=True, kw_only=True)
class MethodOptions(Checked):
    """Options that every method has; its fields are flags and keyword arguments."""

    learning_rate: NonNegative = 2e-4
    """Learning rate of Adam."""
    beta1: DecayRate = 0.5
    """Adam's decay rate of the first moment."""
    beta2: DecayRate = 0.999
    """Adam's decay rate of the second moment."""
