"""`reverie evaluate`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import tyro

from reverie.cli.command import Command
from reverie.cli.places import refuse_unknown_data
from reverie.core.options import options_of
from reverie.inference.options import EvaluateOptions
from reverie.inference.place import (
    refuse_no_figures_file,
    refuse_no_statistics,
    refuse_no_statistics_file,
    refuse_runs_alone,
)

if TYPE_CHECKING:
    from reverie.evaluation.evaluate import EvaluateResult


@dataclass(frozen=True, kw_only=True)
class EvaluateCommand(EvaluateOptions, Command):
    """Evaluate a model's samples, or one set of images against another."""

    usage: ClassVar = "MODEL --data IMAGES"
    model: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="MODEL")]
    """A run, a model folder, hf:user/name on the hub, or images: a folder, or an .npz file."""
    out: Path | None = None
    """Write the figures to this .json file."""

    def run(self) -> "EvaluateResult":
        self.refuse_contradictions()
        refuse_unknown_data(self.data)
        refuse_runs_alone(self.model)
        refuse_no_statistics(self.against)
        refuse_no_figures_file(self.out)
        refuse_no_statistics_file(self.save_stats)
        from accelerate import PartialState

        from reverie import api
        from reverie.core.processes import leave_process_group

        PartialState()  # started in several processes, they share the work
        result = api.evaluate(self.model, out=self.out, options=options_of(EvaluateOptions, self))
        leave_process_group()
        return result
