"""The marks of what reverie makes itself, beside results and data.

Sheets of images (`grid.png`, `before-after.png`) and pages (`index.html`) carry a mark near the
beginning of the file; a folder of results inside a folder of images has a file that says so. What
is marked is never read as data and may be replaced by a newer one. A file of the same name without
a mark is the user's and is left alone.
"""

import os
from itertools import chain, count
from pathlib import Path

SHEET_TEXT = {"reverie": "sheet"}
"""PNG text of a sheet; the PNG writer puts it before the pixels."""


PAGE_TAG = '<meta name="generator" content="reverie">'


RESULTS = ".reverie-results"
"""Name of the file that marks a folder of results."""


RESULTS_TEXT = "Results of reverie, no images to read.\n"


MARKS = (b"tEXtreverie\0sheet", PAGE_TAG.encode())


HEAD = 256
"""Bytes at the beginning of a file that hold its mark."""


def is_marked(path: Path) -> bool:
    """Whether a file is a sheet or a page that reverie made."""
    try:
        if not path.is_file():  # opening a pipe would wait for its writer
            return False
        with open(path, "rb") as file:
            head = file.read(HEAD)
    except OSError:
        return False
    return any(mark in head for mark in MARKS)


def own_place(path: Path) -> Path:
    """Where a sheet or page called `path` can be written without replacing what is not marked.

    `grid.png`, or `grid-2.png` beside a user's own `grid.png`.
    """
    others = (path.with_name(f"{path.stem}-{n}{path.suffix}") for n in count(2))
    return next(p for p in chain([path], others) if not os.path.lexists(p) or is_marked(p))
