import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reverie.core.terminal_image import image_codes, protocol_of


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    pixels = np.zeros((13, 20, 3), np.uint8)  # the last band of sixels has one row
    pixels[2:9, 3:15] = (255, 0, 0)
    pixels[12, 5:] = (0, 255, 255)
    Image.fromarray(pixels).save(tmp_path / "sheet.png")
    return tmp_path / "sheet.png"


def decoded_sixels(codes: str) -> np.ndarray:
    """An image of sixels, as the manual of the VT330 describes them."""
    body = re.fullmatch(r'\x1bPq"1;1;(\d+);(\d+)(.*)\x1b\\', codes, re.DOTALL)
    assert body is not None
    pixels = np.zeros((int(body[2]) + 6, int(body[1]), 3), np.uint8)
    palette, colour, left, top = {}, 0, 0, 0
    for number, rgb, times, sixel, move in re.findall(
        r"#(\d+)(;2;\d+;\d+;\d+)?|(?:!(\d+))?([?-~])|([$-])", body[3]
    ):
        if number:
            colour = int(number)
            if rgb:
                palette[colour] = [round(int(v) * 2.55) for v in rgb.split(";")[2:]]
        elif sixel:
            for _ in range(int(times or 1)):
                for bit in range(6):
                    if (ord(sixel) - 63) >> bit & 1:
                        pixels[top + bit, left] = palette[colour]
                left += 1
        else:
            left, top = 0, top + 6 * (move == "-")
    return pixels[: int(body[2])]


def test_sixels_are_the_image(picture: Path) -> None:
    np.testing.assert_array_equal(
        decoded_sixels(image_codes(picture, "sixel")), np.asarray(Image.open(picture))
    )


def test_kitty_gets_a_png_in_parts(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    parts = re.findall(
        r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", image_codes(tmp_path / "noise.png", "kitty")
    )
    assert [keys for keys, _ in parts] == ["a=T,f=100,m=1", *["m=1"] * (len(parts) - 2), "m=0"]
    assert all(len(part) <= 4096 for _, part in parts)
    content = base64.b64decode("".join(part for _, part in parts))
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(content))), noise)


def test_iterm2_gets_a_file_with_its_size(picture: Path) -> None:
    found = re.fullmatch(
        r"\x1b\]1337;File=inline=1;size=(\d+):(.*)\x07", image_codes(picture, "iterm2")
    )
    assert found is not None
    content = base64.b64decode(found[2])
    assert len(content) == int(found[1])
    assert Image.open(io.BytesIO(content)).size == (20, 13)


def test_large_images_are_reduced(tmp_path: Path) -> None:
    Image.new("L", (2000, 500)).save(tmp_path / "large.png")
    codes = image_codes(tmp_path / "large.png", "sixel")
    assert codes.startswith('\x1bPq"1;1;960;240')


@pytest.mark.parametrize(
    ("environment", "protocol"),
    [
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "kitty"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "iterm2"),
        ({"TERM": "xterm-256color", "LC_TERMINAL": "iTerm2"}, "iterm2"),
        ({"TERM": "foot"}, "sixel"),
        ({"TERM": "xterm-256color"}, None),
        ({"TERM": "xterm-kitty", "TMUX": "/tmp/tmux"}, None),
        ({"TERM": "screen", "TERM_PROGRAM": "iTerm.app"}, None),
        ({}, None),
    ],
)
def test_terminals_are_known_by_name(environment: dict[str, str], protocol: str | None) -> None:
    assert protocol_of(environment) == protocol
