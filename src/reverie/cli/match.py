"""`reverie match`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import tyro

from reverie.cli.command import Command
from reverie.core.files import path_of
from reverie.core.options import options_of
from reverie.inference.options import MatchOptions

if TYPE_CHECKING:
    from reverie.evaluation.match import MatchResult


@dataclass(frozen=True, kw_only=True)
class MatchCommand(MatchOptions, Command):
    """Pair the images of two domains by similarity, to train a paired translator with them."""

    usage: ClassVar = "A B --out FOLDER"
    data: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="A")]
    """The images of domain A; or a dataset of two domains, such as emoji."""
    data_b: Annotated[tyro.conf.Positional[str | None], tyro.conf.arg(metavar="B")] = None
    """The images of domain B."""
    out: Path = Path("pairs")
    """The folder to write; it must not exist."""

    def run(self) -> "MatchResult":
        from reverie.cli.places import refuse_unknown_data

        self.refuse_folder(path_of(self.out))
        refuse_unknown_data(self.data)
        refuse_unknown_data(self.data_b)
        from reverie.evaluation.match import match

        options = options_of(MatchOptions, self)
        return match(self.data, self.data_b, out=self.out, options=options)
