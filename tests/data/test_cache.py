import json
import os
import shutil
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.core.errors import UserError
from reverie.core.files import cache_home
from reverie.data.cache import RaggedImages, decode_cached, stat_digest
from reverie.data.source import Source, of_files, of_pixels

Usage = namedtuple("Usage", "total used free")


class Decoder:
    """Decodes a source, counts its calls and fails on some images."""

    def __init__(self, source: Source, damaged: tuple[int, ...] = ()) -> None:
        self.source, self.damaged, self.calls = source, damaged, 0

    def __call__(self, index: int) -> np.ndarray:
        self.calls += 1
        if index in self.damaged:
            raise UserError(f"image {index} is damaged")
        return self.source.read(index, None)


@pytest.fixture
def squares() -> Source:
    pixels = np.random.default_rng(0).integers(0, 256, (7, 4, 4, 3), np.uint8)
    return of_pixels("toys", pixels, None, ())


def test_images_are_decoded_once(squares: Source) -> None:
    decoder = Decoder(squares)
    key, images, broken = decode_cached(squares, "4 3 crop", decoder, 4)
    assert isinstance(images, np.memmap)
    np.testing.assert_array_equal(images, squares.pixels)
    assert (decoder.calls, broken) == (7, {})
    again, same, _ = decode_cached(squares, "4 3 crop", decoder, 4)
    assert (again, decoder.calls) == (key, 7)
    np.testing.assert_array_equal(same, squares.pixels)
    other, _, _ = decode_cached(squares, "4 3 squash", decoder, 4)
    assert other != key
    assert decoder.calls == 14


def test_the_cache_cannot_be_written_through(squares: Source) -> None:
    _, images, _ = decode_cached(squares, "x", Decoder(squares), 4)
    with pytest.raises(ValueError, match="read-only"):
        images[0] = 0  # type: ignore[index]


@given(
    st.lists(st.tuples(*[st.integers(1, 5)] * 2), min_size=1, max_size=5), st.sampled_from([1, 3])
)
def test_images_of_different_sizes(sides: list[tuple[int, int]], channels: int) -> None:
    random = np.random.default_rng(len(sides))
    images = [random.integers(0, 256, (*side, channels), np.uint8) for side in sides]
    digest = str([image.tobytes() + str(image.shape).encode() for image in images])
    source = Source(
        kind="toys",
        names=[str(index) for index in range(len(images))],
        read=lambda index, at_least: images[index],
        digest=lambda: digest,
    )
    _, read, _ = decode_cached(source, "none", lambda index: images[index], None)
    assert isinstance(read, RaggedImages)
    assert len(read) == len(images)
    for index, image in enumerate(images):
        np.testing.assert_array_equal(read[index], image)


def test_damaged_images_are_skipped_and_named(
    squares: Source, capsys: pytest.CaptureFixture[str]
) -> None:
    decoder = Decoder(squares, damaged=(0, 5))
    _, images, broken = decode_cached(squares, "x", decoder, 4)
    assert squares.pixels is not None
    np.testing.assert_array_equal(images, squares.pixels[[1, 2, 3, 4, 6]])
    assert broken == {"0": "image 0 is damaged", "5": "image 5 is damaged"}
    assert "2 of 7 images are damaged and skipped: 0, 5" in capsys.readouterr().err
    assert decode_cached(squares, "x", decoder, 4)[2] == broken  # it is kept in the cache
    assert "2 of 7 images are damaged" in capsys.readouterr().err


def test_only_damaged_images_are_refused(squares: Source) -> None:
    decoder = Decoder(squares, damaged=tuple(range(7)))
    with pytest.raises(UserError, match="none of the 7 images can be read: image 0 is damaged"):
        decode_cached(squares, "x", decoder, 4)
    assert os.listdir(cache_home() / "pictures") == []


def test_an_interruption_leaves_nothing(squares: Source) -> None:
    def interrupted(index: int) -> np.ndarray:
        if index == 5:
            raise KeyboardInterrupt
        return squares.read(index, None)

    with pytest.raises(KeyboardInterrupt):
        decode_cached(squares, "x", interrupted, 4)
    assert os.listdir(cache_home() / "pictures") == []
    decoder = Decoder(squares)
    decode_cached(squares, "x", decoder, 4)
    assert decoder.calls == 7


def test_a_half_written_cache_is_made_again(squares: Source) -> None:
    key, _, _ = decode_cached(squares, "x", Decoder(squares), 4)
    (cache_home() / "pictures" / key / "meta.json").unlink()
    decoder = Decoder(squares)
    _, images, _ = decode_cached(squares, "x", decoder, 4)
    assert decoder.calls == 7
    np.testing.assert_array_equal(images, squares.pixels)


def test_a_full_disk_is_reported_before_it_is_full(
    squares: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**9, 10**9, 100))
    with pytest.raises(UserError, match=r"need 336 bytes and .* has 100 bytes left; use --no-c"):
        decode_cached(squares, "x", Decoder(squares), 4)


def test_the_key_is_of_the_contents(photos) -> None:
    root = photos(3)
    files = sorted(root.glob("*.png"))

    def key() -> str:
        source = of_files("folder", root, files)
        return decode_cached(source, "x", lambda index: source.read(index, None), 32)[0]

    first = key()
    os.utime(files[0], (1, 1))  # touched, but not changed
    assert key() == first
    files[0].write_bytes(files[1].read_bytes())
    assert key() != first


def test_the_digest_of_stats_changes_with_the_file(photos) -> None:
    root = photos(2)
    files = sorted(root.glob("*.png"))
    source = of_files("folder", root, files)
    first = stat_digest(source)
    assert stat_digest(of_files("folder", root, files)) == first
    os.utime(files[0], (1, 1))
    assert stat_digest(source) != first


def test_memory_has_no_stats(squares: Source) -> None:
    assert stat_digest(squares) == squares.digest()[:16]


def test_the_files_of_the_cache(squares: Source) -> None:
    key, _, _ = decode_cached(squares, "x", Decoder(squares), 4)
    folder: Path = cache_home() / "pictures" / key
    assert (folder / "pixels").stat().st_size == 7 * 4 * 4 * 3
    meta = json.loads((folder / "meta.json").read_text())
    assert meta == {"shapes": [[4, 4, 3]] * 7, "broken": {}}
