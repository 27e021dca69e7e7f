"""`reverie reproduce`."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import tyro

from reverie.cli.command import Command
from reverie.cli.index_file import index
from reverie.core.options import options_of
from reverie.core.result import Json, Result
from reverie.inference.options import ReproduceOptions


@dataclass(frozen=True)
class ExperimentsResult(Result):
    """Experiments by name: what each shows, and its minutes on two processor cores."""

    experiments: dict[str, tuple[float, str]]

    def to_json(self) -> dict[str, Json]:
        return {n: {"minutes": m, "about": about} for n, (m, about) in self.experiments.items()}

    def summary(self) -> str:
        width = max(map(len, self.experiments))
        lines = [
            f"{name:<{width}}  {minutes:>4.0f} min  {about}"
            for name, (minutes, about) in self.experiments.items()
        ]
        head = "The minutes are those of two processor cores; --budget 0.2 trains a fifth as long."
        return "\n".join([*lines, head])


@dataclass(frozen=True, kw_only=True)
class ReproduceCommand(ReproduceOptions, Command):
    """Make a figure from nothing: fetch the data, train, draw, measure; without NAME list them."""

    usage: ClassVar = "[NAME]"
    name: Annotated[tyro.conf.Positional[str | None], tyro.conf.arg(metavar="[NAME]")] = None
    """Which figure."""

    def run(self) -> Result:
        from reverie.experiments import EXPERIMENTS

        if self.name is None:
            return ExperimentsResult(_experiments())
        if self.name not in EXPERIMENTS:
            EXPERIMENTS.find(self.name)  # refuses it
        from reverie.experiments.reproduce import reproduce

        return reproduce(self.name, options=options_of(ReproduceOptions, self))


def _experiments() -> dict[str, tuple[float, str]]:
    """All experiments, those of other packages too."""
    from reverie.experiments import EXPERIMENTS

    indexed = index()["experiments"]
    known = {name: (one["minutes"], one["about"]) for name, one in indexed.items()}
    if set(EXPERIMENTS) == set(known):
        return known
    return {n: (one.all_minutes, one.about) for n, one in EXPERIMENTS.available().items()}
