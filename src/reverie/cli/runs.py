"""`reverie runs`, `show`, `open` and `rm`: where trained things are."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import tyro

from reverie.cli.browser import open_in_browser
from reverie.cli.command import Command
from reverie.core.errors import UserError
from reverie.core.files import folder_bytes, path_of, readable_bytes
from reverie.core.result import Result, counted
from reverie.runs.place import RUNS

if TYPE_CHECKING:
    from reverie.runs.run_list import RunsResult, SheetResult


@dataclass(frozen=True, kw_only=True)
class RunsCommand(Command):
    """List runs: method, data, steps, state, age, size and main figure."""

    usage: ClassVar = "[FOLDER]"
    folder: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="FOLDER")] = RUNS
    """A folder of runs; those of sweeps in it are listed as well."""

    def run(self) -> "RunsResult":
        from reverie.runs.run_list import list_runs

        return list_runs(self.folder)


@dataclass(frozen=True, kw_only=True)
class ShowCommand(Command):
    """Show the newest samples of a run; in terminals that cannot show images, their path."""

    usage: ClassVar = "RUN"
    place: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN")]
    """The folder of a run."""

    def run(self) -> "SheetResult":
        from reverie.runs.run_list import show

        return show(self.place)


@dataclass(frozen=True)
class OpenResult(Result):
    """The report of a run, and whether a browser shows it."""

    report: Path
    opened: bool

    def summary(self) -> str:
        return str(self.report)


@dataclass(frozen=True, kw_only=True)
class OpenCommand(Command):
    """Open the report of a run in the browser; prints its path."""

    usage: ClassVar = "RUN"
    place: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN")]
    """The folder of a run."""

    def run(self) -> OpenResult:
        from reverie.runs.summary import run_folder

        report = run_folder(self.place) / "report.html"
        if not report.is_file():
            from reverie.runs.run import Run
            from reverie.training.report import write_report

            report = write_report(Run(report.parent))
        return OpenResult(report, open_in_browser(report))


@dataclass(frozen=True, kw_only=True)
class RmCommand(Command):
    """Move runs to a trash; --restore brings them back, --empty deletes them."""

    usage: ClassVar = "RUN..."
    runs: Annotated[tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="RUN")] = ()
    """Folders of runs; with --empty, a folder of runs whose trash is emptied."""
    yes: bool = False
    """Do not ask."""
    force: bool = False
    """Move runs in which a training is running, which then fails."""
    restore: bool = False
    """Move runs back from the trash, by the names that they had."""
    empty: bool = False
    """Delete for good what is in the trash of a folder of runs, by default `runs`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.restore and self.empty:
            raise UserError("--restore and --empty exclude each other.")

    def run(self) -> Result:
        from reverie.runs.removal import removable, remove_runs, restore_runs

        if self.restore:
            return restore_runs(self.runs)
        if self.empty:
            return self._empty()
        folders = removable(self.runs, force=self.force)
        size = readable_bytes(sum(map(folder_bytes, folders)))
        self._ask(f"Move {counted(len(folders), 'run')} ({size}) to the trash?")
        return remove_runs(folders, force=self.force)

    def _empty(self) -> Result:
        from reverie.runs.removal import TRASH, empty_trash

        if len(self.runs) > 1:
            raise UserError("--empty takes one folder of runs.")
        folder = self.runs[0] if self.runs else RUNS
        size = readable_bytes(folder_bytes(path_of(folder) / TRASH))
        self._ask(f"Delete what is in {Path(folder) / TRASH} for good ({size})?")
        return empty_trash(folder)

    def _ask(self, question: str) -> None:
        """Go on if the answer is yes.

        Raises:
            UserError: if it is not, or nobody can be asked.
        """
        if self.yes:
            return
        if not sys.stdin.isatty():
            raise UserError("nobody can be asked here: add --yes.")
        print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise UserError("nothing was changed.")
