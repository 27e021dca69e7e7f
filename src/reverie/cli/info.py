"""`reverie info` and `reverie compare`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import tyro

from reverie.cli.command import Command
from reverie.core.errors import UserError
from reverie.runs.place import TOO_FEW, refuse_no_run, with_runs_inside

if TYPE_CHECKING:
    from reverie.inference.info import InfoResult
    from reverie.training.comparison import CompareResult


@dataclass(frozen=True, kw_only=True)
class InfoCommand(Command):
    """Show what is known of a run or a model."""

    usage: ClassVar = "MODEL"
    model: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="MODEL")]
    """A run, a model folder, or hf:user/name on the Hugging Face hub."""

    def run(self) -> "InfoResult":
        from reverie.inference.info import info

        return info(self.model)


@dataclass(frozen=True, kw_only=True)
class CompareCommand(Command):
    """Show runs side by side: figures, options that differ, losses in one plot, samples."""

    usage: ClassVar = "RUN RUN --out PAGE.html"
    runs: Annotated[tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="RUN")]
    """The folders of two runs or more; that of a sweep stands for the runs in it."""
    out: Path = Path("compare.html")
    """The page to write."""
    overwrite: bool = False
    """Replace a page that exists."""

    def run(self) -> "CompareResult":
        runs = with_runs_inside(self.runs)
        for run in runs:
            refuse_no_run(run)
        if len(runs) < 2:
            raise UserError(TOO_FEW)
        from reverie.training.comparison import compare

        return compare(self.runs, self.out, overwrite=self.overwrite)
