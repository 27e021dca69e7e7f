"""`reverie info` and `reverie compare`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from reverie.cli.output import Result, lines_of


@dataclass(frozen=True, kw_only=True)
class InfoCommand:
    """Say what is known of a run or a model."""

    model: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="MODEL")]
    """A run, a model folder, or a name on the Hugging Face hub."""
    json: bool = False
    """Print the result as one JSON object."""


@dataclass(frozen=True, kw_only=True)
class CompareCommand:
    """Show runs side by side: losses in one plot, samples, and the options that differ."""

    runs: tyro.conf.Positional[tuple[str, ...]]
    """The folders of two runs or more."""
    out: Path = Path("compare.html")
    """The page to write."""
    json: bool = False
    """Print the result as one JSON object."""


def info(command: InfoCommand) -> Result:
    from reverie import api

    facts = api.info(command.model)
    return facts, lines_of(facts)


def compare(command: CompareCommand) -> Result:
    from reverie import api

    differing = api.compare(command.runs, command.out)
    facts = {"page": str(command.out), "differing": differing}
    return facts, f"{lines_of(differing)}\n{command.out}"
