"""`reverie sweep METHOD`: the flags of `reverie train METHOD`, and options with several values."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from reverie.cli.command import Command
from reverie.cli.help_page import page_of
from reverie.cli.parse import asks_for_help, print_help, value_of
from reverie.cli.places import refuse_no_data, refuse_unknown_parts
from reverie.cli.train import parse_changes
from reverie.core.errors import UserError
from reverie.core.files import path_of, refuse_no_folder
from reverie.core.options import Checked, OptionValue, Positive
from reverie.methods.index import check_current, method_entry

if TYPE_CHECKING:
    from reverie.training.sweep_result import SweepResult


MORE = "The options of a method are in reverie sweep METHOD --help."


@dataclass(frozen=True, kw_only=True)
class SweepFlags(Checked):
    """Where a sweep goes, what its runs start from, and how many train at a time."""

    out: Path
    """The sweep's folder: a run in a folder for each combination, sweep.html and sweep.json."""
    preset: str | None = None
    """A named set of options to start from."""
    jobs: Positive = 1
    """Trainings at a time, which share the processor's cores."""
    json: bool = False
    """Print the result as one JSON object."""


@dataclass(frozen=True, kw_only=True)
class SweepCommand(Command):
    """Train every combination of some options' values; the same command goes on when stopped."""

    usage: ClassVar = "METHOD NAME=VALUE,VALUE --data IMAGES --out FOLDER"
    method: str
    axes: Mapping[str, Sequence[OptionValue]]
    flags: SweepFlags
    changes: Mapping[str, OptionValue]

    @classmethod
    def parse(cls, prog: str, argv: Sequence[str]) -> Command:
        """The flags depend on the method, and stand after the options with several values."""
        from reverie.training.combinations import axes_from_words, refuse_axes_given

        if not argv or argv[0].startswith("-"):
            if asks_for_help(argv):
                about = " ".join((cls.__doc__ or "").split())
                print_help(page_of(SweepFlags, prog, cls.usage, f"{about} {MORE}"))
            raise UserError(f"{prog} {cls.usage}: the method comes first, as {prog} METHOD --help.")
        method = argv[0]
        words = list(takewhile(lambda word: not word.startswith("-"), argv[1:]))
        flags = argv[1 + len(words) :]
        base = method_entry(method).recipe(value_of(argv, "--preset"))
        _refuse_late_axes(f"{prog} {method}", flags, base.flat())
        axes = axes_from_words(base, words)
        given = (word.split("=")[0].removeprefix("--") for word in flags if word.startswith("--"))
        refuse_axes_given(axes, (name.removeprefix("no-").replace("-", "_") for name in given))
        chosen, changes = parse_changes(
            base, SweepFlags, f"{prog} {method}", flags, cls.usage.removeprefix("METHOD ")
        )
        return cls(method=method, axes=axes, flags=chosen, changes=changes, json=chosen.json)

    def run(self) -> "SweepResult":
        from reverie.training.combinations import combine
        from reverie.training.sweep_record import definition_of, record_in

        base = method_entry(self.method).recipe(self.flags.preset)
        chosen = {**base.flat(), **self.changes}
        for place in self.axes.get("data", [chosen["data"]]):
            refuse_no_data(place)
        changed, out = base.with_options(**self.changes), path_of(self.flags.out)
        combinations = combine(changed, self.axes)
        for one in combinations:
            refuse_unknown_parts(one.recipe.flat())
        refuse_no_folder(out)
        record_in(out, definition_of(changed, self.axes, combinations))
        check_current(base, self.flags.preset)
        from reverie.training.sweep import sweep

        return sweep(
            self.method,
            self.axes,
            out,
            preset=self.flags.preset,
            jobs=self.flags.jobs,
            changes=self.changes,
        )


def _refuse_late_axes(prog: str, flags: Sequence[str], known: Collection[str]) -> None:
    """Raise a UserError if an option with several values stands after a flag."""
    for word in flags:
        if word.partition("=")[0] in known and "=" in word:
            raise UserError(
                f"{word} must stand before all flags, as in {prog} {word} {flags[0]} ..."
            )
