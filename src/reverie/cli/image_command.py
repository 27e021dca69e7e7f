"""A command that writes images, and replaces none unless it is asked to."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from reverie.cli.command import Command
from reverie.cli.parse import value_of
from reverie.core.errors import UserError
from reverie.core.files import free_place, holds_something, path_of


@dataclass(frozen=True, kw_only=True)
class ImageCommand(Command):
    """Its images go to `out`; where --out is not given and that is taken, to a place with a
    number."""

    out: Path
    overwrite: bool = False
    """Replace images that exist."""

    @classmethod
    def parse(cls, prog: str, argv: Sequence[str]) -> Command:
        """Without --out nothing is replaced: a second call writes beside the first."""
        command = super().parse(prog, argv)
        assert isinstance(command, ImageCommand)
        if command.overwrite or value_of(argv, "--out") is not None:
            return command
        return replace(command, out=free_place(command.out))

    def refuse_replacing(self, files: Sequence[Path] | None = None) -> None:
        """Raise a UserError if images would be replaced without --overwrite.

        Args:
            files: what is written; by default `out`, also where that is a folder.
        """
        if self.overwrite:
            return
        out = path_of(self.out)
        taken = [p for p in files if os.path.lexists(p)] if files else [out][: holds_something(out)]
        if taken:
            raise UserError(f"{taken[0]} exists: choose another --out, or add --overwrite.")
