"""Tables of text for a terminal, whose columns stand below each other."""

import shutil
from collections.abc import Collection, Sequence

from rich.cells import cell_len, set_cell_size

WIDTH = 80
"""Columns of a terminal that are there."""

GAP = 2
"""Columns between those of a table."""


def terminal_width() -> int:
    """Columns of the terminal, or `WIDTH` where there is none or it is narrower."""
    return max(shutil.get_terminal_size((WIDTH, 24)).columns, WIDTH)


def shortened(text: str, width: int) -> str:
    """`text`, or its beginning and `…`, in at most `width` columns."""
    return text if cell_len(text) <= width else set_cell_size(text, width - 1).rstrip() + "…"


def aligned(rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> str:
    """Rows of cells as lines; the cells of the columns `right` end below each other."""
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        (" " * GAP)
        .join(_padded(cell, widths[n], n in right) for n, cell in enumerate(row))
        .rstrip()
        for row in rows
    )


def _padded(cell: str, width: int, right: bool) -> str:
    space = " " * (width - cell_len(cell))
    return space + cell if right else cell + space


def fitted(rows: Sequence[Sequence[str]], width: int, shrinking: Sequence[int]) -> list[list[str]]:
    """Rows whose cells in the columns `shrinking` are shortened until a row has `width` columns.

    The widest of them goes first; none gets narrower than eight columns.
    """
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    while sum(widths) + GAP * (len(widths) - 1) > width:
        widest = max(shrinking, key=lambda n: widths[n])
        if widths[widest] <= 8:
            break
        widths[widest] -= 1
    return [[shortened(cell, widths[n]) for n, cell in enumerate(row)] for row in rows]
