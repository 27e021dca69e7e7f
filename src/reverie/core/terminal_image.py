"""Images in a terminal, by the protocols of kitty, iTerm2 and sixel.

The terminal's name says which it has. Nothing is asked of the terminal itself, whose answer might
come late or never.
"""

import base64
import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

Protocol = Literal["kitty", "iterm2", "sixel"]

LARGEST_SIDE = 960
"""Pixels of the longer side, from which an image is reduced."""

CHUNK = 4096
"""Most characters of one of kitty's messages."""

COLOURS, EMPTY = 255, "?"
"""Of a sixel image: how many it has at most, and the sixel without a pixel."""

REPEATED = re.compile(r"(.)\1{3,}")
"""Equal sixels, of which the number is written."""


def protocol_of(environment: Mapping[str, str]) -> Protocol | None:
    """How the terminal that an environment names shows images; None where that is not known.

    Within tmux and screen, which would swallow or misplace them, it is None.
    """
    term, program = environment.get("TERM", ""), environment.get("TERM_PROGRAM", "")
    if "TMUX" in environment or term.startswith(("screen", "tmux", "dumb")):
        return None
    if "kitty" in term or "ghostty" in term or program in ("ghostty", "WezTerm"):
        return "kitty"
    if program == "iTerm.app" or environment.get("LC_TERMINAL") == "iTerm2":
        return "iterm2"
    if term.startswith(("foot", "mlterm", "contour")):
        return "sixel"
    return None


def image_codes(path: Path, protocol: Protocol) -> str:
    """What a terminal shows as the image of a file, to be printed on a line of its own.

    Raises:
        OSError: if it is no readable image.
    """
    with Image.open(path) as file:
        image = file.convert("RGB")
    image.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
    if protocol == "sixel":
        return _sixel(image)
    buffer = io.BytesIO()
    image.save(buffer, "png")
    content = base64.b64encode(buffer.getvalue()).decode()
    if protocol == "iterm2":
        return f"\x1b]1337;File=inline=1;size={len(buffer.getvalue())}:{content}\x07"
    parts = [content[start : start + CHUNK] for start in range(0, len(content), CHUNK)]
    codes = ""
    for number, part in enumerate(parts):
        keys = "a=T,f=100," if number == 0 else ""
        codes += f"\x1b_G{keys}m={int(number < len(parts) - 1)};{part}\x1b\\"
    return codes


def _sixel(image: Image.Image) -> str:
    """An image as sixels: bands of six rows, and in each band a line for every colour."""
    reduced = image.quantize(COLOURS, dither=Image.Dither.NONE)
    pixels = np.asarray(reduced)
    height, width = pixels.shape
    palette = np.array(reduced.getpalette()).reshape(-1, 3) * 100 // 255
    codes = [f'\x1bPq"1;1;{width};{height}']
    codes += [f"#{n};2;{r};{g};{b}" for n, (r, g, b) in enumerate(palette)]
    for top in range(0, height, 6):
        band = pixels[top : top + 6]
        weights = 1 << np.arange(len(band))[:, None]
        lines = []
        for colour in np.unique(band):
            bits = ((band == colour) * weights).sum(0) + 63
            sixels = bits.astype(np.uint8).tobytes().decode("ascii").rstrip(EMPTY)
            lines.append(
                f"#{colour}" + REPEATED.sub(lambda same: f"!{len(same[0])}{same[1]}", sixels)
            )
        codes.append("$".join(lines) + "-")
    return "".join(codes) + "\x1b\\"
