"""What public functions return: frozen dataclasses that the command line prints."""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path

from reverie.core.progress import printable

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]

INTERRUPTED = 130
"""Exit code of a command that a signal stopped in good order."""


FAILED_IN_PART = 1
"""Exit code of a command that could not do some of its files, and did all others."""


class Result(ABC):
    """The result of a public function: a frozen dataclass of files, figures and facts."""

    def to_json(self) -> dict[str, Json]:
        """What `--json` prints: every field, paths as strings."""
        return {
            field.name: plain(getattr(self, field.name))
            for field in dataclasses.fields(self)  # type: ignore[arg-type]
        }

    @abstractmethod
    def summary(self) -> str:
        """What the command line prints without `--json`."""

    @property
    def exit_code(self) -> int:
        """The exit code of the command: 0, `FAILED_IN_PART` or `INTERRUPTED`."""
        return 0


def plain(value: object) -> Json:
    """A value as JSON holds it: paths become strings, tuples lists, dataclasses objects."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Result):
        return value.to_json()
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not a part of a result")


def counted(count: int, one: str) -> str:
    """A number of things in words: `1 image`, `1,200 images`."""
    return f"{count:,} {one}" if count == 1 else f"{count:,} {one}s"


def lines_of(facts: Mapping[str, Json], indent: str = "") -> str:
    """Facts as lines for a terminal, nested ones indented."""
    named = [(printable(str(key)), value) for key, value in facts.items()]
    width = max((len(key) for key, _ in named), default=0)
    lines = []
    for key, value in named:
        if isinstance(value, Mapping):
            lines.append(f"{indent}{key}" + (":" if value else ": none"))
            lines += [lines_of(value, indent + "  ")] if value else []
        else:
            shown = f"{value:.4g}" if isinstance(value, float) else printable(str(value))
            lines.append(f"{indent}{key:<{width}}  {shown}")
    return "\n".join(lines)
