"""Settings of dreams in the text of PNG files, as `dream --like` reads them."""

import json
import zlib
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from reverie.core.errors import UserError
from reverie.inference.dream.settings import SETTINGS, Dream, dream_for
from reverie.inference.options import AscentOptions, DreamOptions
from tests.fuzzing import assert_only_user_errors, damaged_bytes, damaged_json, rounds

DREAM = Dream(
    backbone="photos-x4", weights=None, layers=("body.0",), towards="l2", guide=None,
    options=AscentOptions(),
)  # fmt: skip


def png(path: Path, words: str | bytes, compressed: bool = False) -> Path:
    """A PNG file with a text of settings."""
    info = PngImagePlugin.PngInfo()
    if isinstance(words, bytes):
        info.add(b"zTXt", SETTINGS.encode() + b"\0\0" + words)
    else:
        info.add_itxt(SETTINGS, words, zip=compressed)
    Image.new("RGB", (8, 8)).save(path, pnginfo=info)
    return path


@rounds(300, 20_000)
def test_settings(tmp_path: Path, count: int, seed: int) -> None:
    file = tmp_path / "dream.png"

    def read(words: str) -> None:
        made = Dream.from_file(png(file, words.encode("utf-8", "replace").decode()))
        assert made.options.steps <= 100_000
        assert made.options.octaves <= 100
        assert len(made.layers) <= 1000

    assert_only_user_errors(read, damaged_json(json.loads(DREAM.to_json()), count, seed))


@rounds(150, 10_000)
def test_files(tmp_path: Path, count: int, seed: int) -> None:
    file = png(tmp_path / "dream.png", DREAM.to_json())
    content = file.read_bytes()

    def read(data: bytes) -> None:
        file.write_bytes(data)
        Dream.from_file(file)

    assert_only_user_errors(read, damaged_bytes(content, count, seed))


@pytest.mark.parametrize("name", ["octaves", "steps", "tile", "jitter", "smoothing", "seed"])
@pytest.mark.parametrize("number", [1e9, 10**30, float("nan"), float("inf"), -1, "1e9", None, [1]])
def test_numbers_have_bounds(tmp_path: Path, name: str, number: object) -> None:
    content = json.loads(DREAM.to_json())
    content["options"][name] = number
    file = png(tmp_path / "dream.png", json.dumps(content))
    if name == "seed" and number == -1:
        assert dream_settings(file).options.seed == -1
        return
    with pytest.raises(UserError, match=rf"dream\.png: --{name} must be .*give them as options"):
        dream_settings(file)


def dream_settings(file: Path) -> Dream:
    return Dream.from_file(file)


def test_texts_that_unpack_to_gigabytes(tmp_path: Path) -> None:
    bomb = zlib.compress(bytes(2**28), 9)
    deep = zlib.compress(b'{"a":' * 10**5, 9)
    files = [png(tmp_path / "bomb.png", bomb), png(tmp_path / "deep.png", deep)]
    assert_only_user_errors(Dream.from_file, files, memory=2**27)


def test_options_override_what_a_file_says(tmp_path: Path) -> None:
    file = png(tmp_path / "dream.png", DREAM.to_json())
    dream = dream_for(DreamOptions(like=file, steps=3))[0]
    assert (dream.layers, dream.options.steps, dream.options.octaves) == (("body.0",), 3, 4)
