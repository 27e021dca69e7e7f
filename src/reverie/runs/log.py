"""Lines of `log.jsonl` and `evaluations.jsonl`; what is damaged is left out and said."""

import functools
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reverie.core import progress
from reverie.core.files import parse_json
from reverie.core.options import InvalidValue, NonNegative, NonNegativeInt, coerce

LOG_LINE: Mapping[str, Any] = {
    "step": NonNegativeInt,
    "seconds": NonNegative,
    "images_seen": NonNegativeInt,
    "images_per_second": NonNegative,
    "waiting_share": NonNegative,
    "losses": dict[str, Any],
}
"""Entries of a line of `log.jsonl`; it may have others."""

EVALUATION_LINE: Mapping[str, Any] = {"step": NonNegativeInt, "figures": dict[str, Any]}
"""Entries of a line of `evaluations.jsonl`; it may have others."""

SHEET_NAME = re.compile(r"step-(?P<step>[0-9]{6,15})(-(?P<kind>.+))?\.png")

MAX_LINE_LENGTH, MAX_VALUES = 1_000_000, 1000


def read_lines(file: Path, entries: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The lines of a file that have all `entries`, each of its type.

    An incomplete last line is that of a process that was killed, and is left out silently.
    """
    if not file.is_file():
        return []
    lines, damaged, text, number = [], [], "\n", 0
    with open(file, encoding="utf-8", errors="replace") as stream:
        for number, text in enumerate(iter(lambda: stream.readline(MAX_LINE_LENGTH), ""), 1):
            line = _line_of(text, entries)
            if line is not None:
                lines.append(line)
            elif text.strip():
                damaged.append(number)
    if damaged and damaged[-1] == number and not text.endswith("\n"):
        damaged.pop()
    if damaged:
        lines_are = "line is" if len(damaged) == 1 else "lines are"
        _warn_once(
            f"{file}: {len(damaged)} damaged {lines_are} left out, the first is line {damaged[0]}."
        )
    return lines


@functools.lru_cache(maxsize=1000)
def _warn_once(message: str) -> None:
    """Warn, but not again where the same is read again, as for each curve of a report."""
    progress.warn(message)


def _line_of(text: str, entries: Mapping[str, Any]) -> dict[str, Any] | None:
    """The content of a line; None if it is damaged."""
    try:
        line = coerce(dict[str, Any], parse_json(text))
        line |= {name: coerce(kind, line.get(name)) for name, kind in entries.items()}
        coerce(tuple[str, ...], line.get("troubles", ()))
        coerce(dict[str, Any], line.get("diversity", {}))
        coerce(dict[str, Any], line.get("numbers", {}))
    except (ValueError, InvalidValue):
        return None
    named = [value for value in line.values() if isinstance(value, dict)]
    return line if all(map(_are_numbers, named)) and line.get("figures") != {} else None


def _are_numbers(values: Mapping[str, object]) -> bool:
    """Whether all are numbers that a float holds, perhaps NaN, as losses become that diverge."""

    def is_number(value: object) -> bool:
        return isinstance(value, float) or (type(value) is int and abs(value) < 2**64)

    return len(values) <= MAX_VALUES and all(map(is_number, values.values()))


def best_of(lines: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Validation result with the lowest Fréchet distance (its first metric).

    Of those that measured what the last one did: 50 samples have a larger distance than 400.
    """
    name = next(iter(lines[-1]["figures"]))
    first = [(line["figures"][name], line) for line in lines if name in line["figures"]]
    return min(first, key=lambda pair: (math.isnan(pair[0]), pair[0]))[1]
