"""Translate picture files and folders, and show them before and after."""

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reverie.core import image_io, progress
from reverie.core.errors import UserError
from reverie.core.files import write_atomic
from reverie.core.image_file import WRITABLE
from reverie.core.image_io import find_image_files
from reverie.inference.model import Model
from reverie.methods.base import Direction

SHOWN = 100


SHOWN_SIDE = 256


IN_SHEET = 12


STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem;
  color-scheme: light dark; }
table { border-spacing: .6rem; } th { text-align: left; font-weight: 600; }
img { display: block; border-radius: .4rem; width: 16rem; } td { vertical-align: top; }
td small { opacity: .7; }
"""


@dataclass(frozen=True)
class TranslateResult:
    """What came of it: the files that were written, and what is wrong with the others."""

    files: list[Path]
    failed: dict[str, str]
    sheet: Path
    page: Path


def translate_files(
    model: Model, places: Sequence[Path], out: Path, direction: Direction = "ab", **how: Any
) -> TranslateResult:
    """Translate files and folders into `out`; one bad file does not stop the others.

    Sizes, rotation, EXIF and colour profiles stay. Formats that cannot be written become PNG.

    Raises:
        UserError: if nothing could be translated, or the model cannot do what is asked.
    """
    found = find_image_files(places)
    written: list[Path] = []
    failed: dict[str, str] = {}
    rows: list[tuple[str, list[np.ndarray]]] = []
    back: Direction = "ba" if direction == "ab" else "ab"
    returns = back in getattr(model.method, "directions", ())
    for file, relative in progress.track(found, len(found), "translating"):
        try:
            original = image_io.read_original(file)
        except UserError as error:
            failed[str(file)] = str(error)
            progress.warn(f"left out: {error}")
            continue
        image = image_io.to_tensor(original.pixels[None])
        made = model.translate(image, direction, **how)
        target = out / relative
        if target.suffix.lower() not in WRITABLE:
            target = target.with_suffix(".png")
        pixels = image_io.to_uint8(made)[0]
        profile = original.icc_profile if pixels.shape[-1] == original.pixels.shape[-1] else None
        write_atomic(target, image_io.encode(pixels, target.suffix, original.exif, profile))
        written.append(target)
        if len(rows) < SHOWN:
            row = [original.pixels, pixels]
            if returns:
                row.append(image_io.to_uint8(model.translate(made, back, **how))[0])
            rows.append((str(relative), [_small(p) for p in row]))
    if not written:
        raise UserError(f"none of the {len(found)} pictures could be translated: {failed}")
    sheet, page = out / "before-after.png", out / "index.html"
    _write_sheet([row for _, row in rows[:IN_SHEET]], sheet)
    write_atomic(page, _page(model.name, direction, rows, returns))
    return TranslateResult(written, failed, sheet, page)


def _small(pixels: np.ndarray) -> np.ndarray:
    """A picture to look at, in colour, its longer side made to be 256 or left smaller."""
    pixels = image_io.with_channels(pixels, 3)
    height, width = pixels.shape[:2]
    if max(height, width) <= SHOWN_SIDE:
        return pixels
    return image_io.resize(pixels, round(width * SHOWN_SIDE / max(height, width)), "width")


def _write_sheet(rows: list[list[np.ndarray]], path: Path) -> None:
    """Rows of before and after, each picture in the middle of a square of its own."""
    side = max(p.shape[axis] for row in rows for p in row for axis in (0, 1))
    squares = []
    for pixels in (p for row in rows for p in row):
        square = np.full((side, side, 3), 255, np.uint8)
        top, left = (side - pixels.shape[0]) // 2, (side - pixels.shape[1]) // 2
        square[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
        squares.append(square)
    columns = len(rows[0]) * (2 if len(rows) > 3 else 1)
    image_io.save_sheet(image_io.to_tensor(np.stack(squares)), path, columns)


def _page(
    name: str, direction: str, rows: list[tuple[str, list[np.ndarray]]], returns: bool
) -> str:
    titles = ["input", "output", *(["and back again"] if returns else [])]
    head = "".join(f"<th>{title}</th>" for title in titles)
    body = []
    for label, row in rows:
        cells = "".join(
            '<td><img alt="" src="data:image/png;base64,'
            f'{base64.b64encode(image_io.encode(p)).decode()}"></td>'
            for p in row
        )
        body.append(
            f'<tr><td colspan="{len(row)}"><small>{html.escape(label)}</small></td></tr>'
            f"<tr>{cells}</tr>"
        )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        f"<title>{html.escape(name)} · translated</title><style>{STYLE}</style>"
        f"<h1>{html.escape(name)}, {direction[0].upper()} to {direction[1].upper()}</h1>"
        f"<table><tr>{head}</tr>{''.join(body)}</table></html>\n"
    )
