"""The help of a command in 80 columns: what it takes, by group, with choices and defaults."""

import dataclasses
import textwrap
from collections.abc import Collection, Iterable, Sequence
from dataclasses import MISSING, dataclass
from typing import Any, get_args

from reverie.core.option_help import help_of
from reverie.core.option_words import default_in_words, is_hidden, is_positional, takes
from reverie.core.options import field_types, flag_of

WIDTH, COLUMN = 80, 26

SHORT = {"out": "-o", "count": "-n"}
"""The short flags of options, in every command that has them."""

EVERYWHERE = (
    ("--json", "Print the result as one JSON object."),
    ("-q, --quiet", "Say nothing on standard error but errors."),
    ("-v, --verbose", "Say versions, time and memory, and where an error was found."),
    ("-h, --help", "Show this help."),
)
"""What every command takes."""

LEFT_OUT = ("json",)


@dataclass(frozen=True)
class Row:
    """An option as its help shows it."""

    name: str
    head: str
    text: str
    is_positional: bool = False


@dataclass(frozen=True)
class Section:
    """Options under a title."""

    title: str
    rows: Sequence[Row]


def rows_of(kind: type, defaults: object = None, without: Collection[str] = LEFT_OUT) -> list[Row]:
    """The options of a dataclass, positional ones first.

    Args:
        kind: the dataclass.
        defaults: an instance whose values are the defaults; by default the dataclass's own.
        without: fields that are left out.
    """
    types = field_types(kind)
    rows = [
        _row(kind, field, types[field.name], _default(field, defaults))
        for field in dataclasses.fields(kind)
        if field.name not in without and not is_hidden(types[field.name])
    ]
    return sorted(rows, key=lambda row: not row.is_positional)


def page(
    prog: str,
    usage: str,
    about: str,
    sections: Iterable[Section],
    notes: Sequence[str] = (),
    everywhere: Sequence[tuple[str, str]] = EVERYWHERE,
) -> str:
    """The help of a command."""
    whole = [f"usage: {prog} {usage}".rstrip(), "", *textwrap.wrap(about, WIDTH)]
    for section in sections:
        if section.rows:
            whole += [
                "",
                f"{section.title}:",
                *(line for row in section.rows for line in _lines(row)),
            ]
    whole += ["", "Everywhere:"]
    whole += [line for head, text in everywhere for line in _lines(Row("", head, text))]
    for note in notes:
        whole += ["", *(textwrap.wrap(note, WIDTH) if "\n" not in note else note.split("\n"))]
    return "\n".join(whole) + "\n"


def page_of(kind: type, prog: str, usage: str, about: str) -> str:
    """The help of a command whose options are the fields of a dataclass, and of those in it."""
    inner = [field for field in dataclasses.fields(kind) if dataclasses.is_dataclass(field.type)]
    nested = {*LEFT_OUT, *(field.name for field in inner)}
    rows = rows_of(kind, without=nested)
    sections = [
        Section("What it takes", [row for row in rows if row.is_positional]),
        Section("Options", [row for row in rows if not row.is_positional]),
        *(Section(_title(f.type), rows_of(f.type, _default(f, None))) for f in inner),  # type: ignore[arg-type]
    ]
    return page(prog, usage, about, sections)


def columns_of(pairs: Iterable[tuple[str, str]]) -> str:
    """Names with explanations, in the columns of a help."""
    return "\n".join(line for head, text in pairs for line in _lines(Row("", head, text)))


def _title(kind: Any) -> str:
    return " ".join((kind.__doc__ or "Options").split()).split(".")[0].split(":")[0]


def _default(field: "dataclasses.Field[Any]", defaults: object) -> object:
    if defaults is not None and defaults is not MISSING:
        return getattr(defaults, field.name)
    return field.default if field.default_factory is MISSING else field.default_factory()


def _row(kind: type, field: "dataclasses.Field[Any]", type_: Any, default: object) -> Row:
    flag, about = flag_of(field.name), help_of(kind, field.name)
    short = f"{SHORT[field.name]}, " if field.name in SHORT else ""
    if is_positional(type_):
        metavar = next((m for one in get_args(type_) if (m := getattr(one, "metavar", None))), None)
        return Row(field.name, metavar or field.name.upper(), about, True)
    if type_ in (bool, "bool"):
        head = f"{flag}, --no-{flag[2:]}" if default is True else flag
        return Row(field.name, head, about + (" (default: on)" if default is True else ""))
    fact = ""
    if default is MISSING:
        fact = " (required)"
    elif default_in_words(default):
        fact = f" (default: {default_in_words(default)})"
    return Row(field.name, f"{short}{flag} {takes(type_)}", about + fact)


def _lines(row: Row) -> list[str]:
    """A row, its explanation in a column of its own or below what is too long for that."""
    text = textwrap.wrap(row.text, WIDTH - COLUMN, break_on_hyphens=False)
    if len(row.head) + 4 <= COLUMN:
        head, rest = f"  {row.head:<{COLUMN - 2}}{text[0] if text else ''}", text[1:]
        return [head.rstrip(), *(" " * COLUMN + line for line in rest)]
    return [*_wrapped_head(row.head), *(" " * COLUMN + line for line in text)]


def _wrapped_head(head: str) -> list[str]:
    """A flag with its choices, in as many lines as they need."""
    lines, line = [], "  "
    for number, part in enumerate(head.split("|")):
        part = part if number == 0 else f"|{part}"
        if len(line) + len(part) > WIDTH:
            lines.append(line)
            line = " " * 6
        line += part
    return [*lines, line]
