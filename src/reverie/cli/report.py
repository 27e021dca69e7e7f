"""`reverie report`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import tyro

from reverie.cli.browser import open_in_browser
from reverie.cli.command import Command
from reverie.runs.place import refuse_no_run

if TYPE_CHECKING:
    from reverie.training.report import ReportResult


@dataclass(frozen=True, kw_only=True)
class ReportCommand(Command):
    """Write the report of a run: curves, samples and options; also while it is training."""

    usage: ClassVar = "RUN"
    folder: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN")]
    """The run's folder."""
    open: bool = False
    """Open the report in the browser."""
    watch: bool = False
    """Write it again whenever the training has logged something, until it ends."""

    def run(self) -> "ReportResult":
        refuse_no_run(self.folder)
        from reverie.runs.run import find_run
        from reverie.training.report import report
        from reverie.training.watch import watch_report

        written = report(self.folder)
        if self.open and not open_in_browser(written.report):
            from reverie.core import progress

            progress.warn(f"no browser could be opened: open {written.report} yourself.")
        if self.watch:
            watch_report(find_run(self.folder))
        return written
