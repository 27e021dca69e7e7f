"""`reverie info` and `reverie compare`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import tyro

from reverie.cli.command import Command
from reverie.runs.place import refuse_no_run

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
        from reverie import api

        return api.info(self.model)


@dataclass(frozen=True, kw_only=True)
class CompareCommand(Command):
    """Show runs side by side: figures, options that differ, losses in one plot, samples."""

    usage: ClassVar = "RUN RUN --out PAGE.html"
    runs: tyro.conf.Positional[tuple[str, ...]]
    """The folders of two runs or more."""
    out: Path = Path("compare.html")
    """The page to write."""
    overwrite: bool = False
    """Replace a page that exists."""

    def run(self) -> "CompareResult":
        for run in self.runs:
            refuse_no_run(run)
        from reverie import api

        return api.compare(self.runs, self.out, overwrite=self.overwrite)
