"""`reverie push` and `reverie pull`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import tyro

from reverie.cli.command import Command
from reverie.core.options import options_of
from reverie.exports.options import PushOptions
from reverie.inference.place import HUB, refuse_no_hub_name

if TYPE_CHECKING:
    from reverie.exports.hub import PullResult, PushResult


@dataclass(frozen=True, kw_only=True)
class PushCommand(PushOptions, Command):
    """Upload a model to the Hugging Face hub, with a card, samples and figures."""

    needs: ClassVar = ()
    usage: ClassVar = "MODEL USER/NAME"
    model: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="MODEL")]
    """A run or a model folder."""
    name: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="USER/NAME")]
    """Where it goes; made if it does not exist."""

    def run(self) -> "PushResult":
        refuse_no_hub_name(self.name)
        from reverie.exports.hub import push

        return push(self.model, self.name, options=options_of(PushOptions, self))


@dataclass(frozen=True, kw_only=True)
class PullCommand(Command):
    """Download a model from the Hugging Face hub into a folder."""

    usage: ClassVar = "USER/NAME --out FOLDER"
    name: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="USER/NAME")]
    """A model on the hub."""
    out: Path
    """The folder to write, which must not exist yet."""

    def run(self) -> "PullResult":
        refuse_no_hub_name(self.name.removeprefix(HUB))
        from reverie.exports.hub import pull

        return pull(self.name, self.out)
