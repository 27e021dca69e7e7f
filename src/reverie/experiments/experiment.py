"""An experiment: the trainings that a figure needs, and the function that draws it.

Declared as data, so that listing experiments, estimating their time and checking their options
needs no training, and no PyTorch.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from reverie.core.options import OptionValue

if TYPE_CHECKING:
    from reverie.experiments.findings import Findings


@dataclass(frozen=True, kw_only=True)
class Training:
    """One training of an experiment."""

    method: str
    preset: str | None = None
    minutes: float
    """Time at the full budget on two processor cores with AVX2 alone."""
    init: str | None = None
    """Another training of the experiment, from whose model this one starts."""
    options: Mapping[str, OptionValue] = field(default_factory=dict)
    """Options that differ from the preset's."""
    data: Callable[[Path], Path] | None = None
    """Makes the images of this training within the experiment's folder, where they are not there
    yet, and returns where they are."""


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """What `reverie reproduce` makes."""

    about: str
    trainings: Mapping[str, Training] = field(default_factory=dict)
    """By name, in the order in which they are run."""
    draw: "Callable[[Findings], None]"
    """Adds pictures and tables to the findings, from the trained models."""
    data: tuple[str, ...] = ()
    """Datasets that are fetched first, where they are not there yet."""
    minutes: float
    """Time on two processor cores, beside the trainings."""

    @property
    def all_minutes(self) -> float:
        """Time at the full budget, on two processor cores with AVX2 alone."""
        return self.minutes + sum(training.minutes for training in self.trainings.values())
