"""A command: a dataclass whose fields are its flags, and what it does."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from reverie.cli.parse import parse
from reverie.core.options import Checked
from reverie.core.result import Result


@dataclass(frozen=True, kw_only=True)
class Command(Checked, ABC):
    """A command; its docstring's first line and `usage` are its line in `reverie --help`."""

    usage: ClassVar[str]
    needs: ClassVar[tuple[str, ...] | None] = None
    """What its `model` must be able to do, by the commands of `methods.abilities`; None where it
    may be something else than a model."""
    reads_images: ClassVar[bool] = False
    """Whether it must be given `images`."""
    writes_folder: ClassVar[bool] = False
    """Whether `out` is a folder that it writes, new or not."""
    json: bool = False
    """Print the result as one JSON object."""

    @classmethod
    def parse(cls, prog: str, argv: Sequence[str]) -> "Command":
        """The command that `argv` fills in.

        Raises:
            UserError: if it cannot be understood.
        """
        return parse(cls, prog, argv, usage=cls.usage)

    @abstractmethod
    def run(self) -> Result:
        """Do it."""
