import contextlib
import errno
import itertools
import json
import os
import shutil
import time
import zlib
from collections import namedtuple
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.core.errors import UserError
from reverie.core.files import cache_home
from reverie.data import cache
from reverie.data.cache import CachedImages, RaggedImages, decode_cached, open_entry
from reverie.data.memo import sealed, unsealed
from reverie.data.source import Source, of_files, of_pixels
from tests.crashes import CRASHED, REFUSED, Point, attempt
from tests.fuzzing import assert_only_user_errors, damaged_bytes, damaged_json, named, rounds

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
    key, cached = decode_cached(squares, "4 3 crop", decoder, 4)
    assert isinstance(cached.images, np.memmap)
    np.testing.assert_array_equal(cached.images, squares.pixels)
    assert (decoder.calls, cached.broken) == (7, {})
    again, same = decode_cached(squares, "4 3 crop", decoder, 4)
    assert (again, decoder.calls) == (key, 7)
    np.testing.assert_array_equal(same.images, squares.pixels)
    other, _ = decode_cached(squares, "4 3 squash", decoder, 4)
    assert other != key
    assert decoder.calls == 14


def test_the_cache_cannot_be_written_through(squares: Source) -> None:
    images = decode_cached(squares, "x", Decoder(squares), 4)[1].images
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
        read=lambda index, fit: images[index],
        digest=lambda: digest,
    )
    read = decode_cached(source, "none", lambda index: images[index], None)[1].images
    assert isinstance(read, RaggedImages)
    assert len(read) == len(images)
    for index, image in enumerate(images):
        np.testing.assert_array_equal(read[index], image)


def test_damaged_images_are_skipped(squares: Source) -> None:
    decoder = Decoder(squares, damaged=(0, 5))
    cached = decode_cached(squares, "x", decoder, 4)[1]
    assert squares.pixels is not None
    np.testing.assert_array_equal(cached.images, squares.pixels[[1, 2, 3, 4, 6]])
    assert cached.broken == {"0": "image 0 is damaged", "5": "image 5 is damaged"}
    again = decode_cached(squares, "x", decoder, 4)[1]  # it is kept in the cache
    assert again.broken == cached.broken


def test_only_damaged_images_are_refused(squares: Source) -> None:
    decoder = Decoder(squares, damaged=tuple(range(7)))
    with pytest.raises(UserError, match="none of 7 images can be read: image 0 is damaged"):
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
    key, _ = decode_cached(squares, "x", Decoder(squares), 4)
    (cache_home() / "pictures" / key / "meta.json").unlink()
    decoder = Decoder(squares)
    cached = decode_cached(squares, "x", decoder, 4)[1]
    assert decoder.calls == 7
    np.testing.assert_array_equal(cached.images, squares.pixels)


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
        return decode_cached(source, "x", lambda index: source.read(index, None), None)[0]

    first = key()
    os.utime(files[0], (1, 1))  # touched, but not changed
    assert key() == first
    files[0].write_bytes(files[1].read_bytes())
    assert key() != first


def test_a_full_disk_while_decoding_leaves_nothing(
    squares: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    sentence = r"pictures/\w+: the decoded images cannot be written \(No space left on device\)"
    with pytest.raises(UserError, match=sentence):
        decode_cached(squares, "x", Decoder(squares), 4)
    assert os.listdir(cache_home() / "pictures") == []


def test_a_folder_that_cannot_be_written_is_refused_in_a_sentence(
    squares: Source, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path / "file" / "below"))
    with pytest.raises(UserError, match=r"cannot be written .*Not a directory.*: .*--no-cache"):
        decode_cached(squares, "x", Decoder(squares), 4)


def _truncate(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def _zero(file: Path) -> None:
    file.write_bytes(bytes(file.stat().st_size))


def _flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def _of_another_version(file: Path) -> None:
    meta = file.with_name("meta.json")
    shapes = json.loads(meta.read_text())["shapes"]
    meta.write_text(json.dumps({"shapes": shapes, "broken": {}}))


@pytest.mark.parametrize("name", ["pixels", "meta.json"])
@pytest.mark.parametrize(
    "damage", [_truncate, _zero, _flip, Path.unlink, _of_another_version], ids=lambda f: f.__name__
)
def test_damage_is_noticed_and_repaired(
    squares: Source, capsys: pytest.CaptureFixture[str], name: str, damage: Callable[[Path], None]
) -> None:
    key, _ = decode_cached(squares, "x", Decoder(squares), 4)
    damage(cache_home() / "pictures" / key / name)
    capsys.readouterr()
    again, cached = decode_cached(squares, "x", Decoder(squares), 4)
    assert again == key
    np.testing.assert_array_equal(cached.images, squares.pixels)
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert f"{key} is damaged or of an older version: decoding again" in said[0]
    assert set(os.listdir(cache_home() / "pictures" / key)) == {"pixels", "meta.json"}


def test_large_entries_are_checked_by_samples_and_wholly_when_verified(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cache, "CHECKED_BYTES", 48)
    source = of_pixels("toys", np.ones((100, 4, 4, 3), np.uint8), None, ())
    key, _ = decode_cached(source, "x", Decoder(source), 4)
    folder = cache_home() / "pictures" / key
    _flip(folder / "pixels")  # in image 50
    assert open_entry(folder, source.names, 4) is not None  # image 0 alone was looked at
    assert open_entry(folder, source.names, 4, every=True) is None


def test_a_name_twice_in_a_table(squares: Source) -> None:
    twice = replace(squares, names=["a", "a", "b", "c", "d", "e", "f"])
    for _ in range(2):
        cached = decode_cached(twice, "x", Decoder(squares, damaged=(0, 1)), 4)[1]
        assert (len(cached.images), list(cached.broken)) == (5, ["a"])


def _entry(tmp_path: Path) -> tuple[Source, Path]:
    source = of_pixels("toys", np.arange(3 * 48, dtype=np.uint8).reshape(3, 4, 4, 3), None, ())
    key, _ = decode_cached(source, "x", Decoder(source), 4)
    return source, cache_home() / "pictures" / key


def _opened(source: Source, folder: Path) -> CachedImages | None:
    cached = open_entry(folder, source.names, 4)
    assert cached is None or (np.array(cached.images) == source.pixels).all()
    return cached


@rounds(200, 3_000)
@pytest.mark.parametrize("name", ["pixels", "meta.json"])
def test_fuzzed_entries(tmp_path: Path, name: str, count: int, seed: int) -> None:
    source, folder = _entry(tmp_path)
    content = (folder / name).read_bytes()
    inputs = named(folder / name, damaged_bytes(content, count, seed))
    assert_only_user_errors(lambda path: _opened(source, folder), inputs)


@rounds(200, 3_000)
def test_fuzzed_numbers_with_a_hash_that_is_right(tmp_path: Path, count: int, seed: int) -> None:
    source, folder = _entry(tmp_path)
    content = unsealed((folder / "meta.json").read_text())

    def resealed() -> Iterator[str]:
        for text in damaged_json(content, count, seed):
            with contextlib.suppress(ValueError, TypeError):
                yield sealed(json.loads(text))

    inputs = named(folder / "meta.json", resealed())
    assert_only_user_errors(lambda path: open_entry(folder, source.names, 4), inputs)
    assert_only_user_errors(lambda path: open_entry(folder, source.names, None), inputs)


def test_of_two_processes_one_builds(squares: Source, capfd: pytest.CaptureFixture[str]) -> None:
    def decode(index: int) -> np.ndarray:
        time.sleep(0.3)
        return squares.read(index, None)

    def build() -> None:
        cached = decode_cached(squares, "x", decode, 4)[1]
        np.testing.assert_array_equal(cached.images, squares.pixels)

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda number: attempt(build, Point()), range(2)))
    assert [status for status, _, _ in results] == [0, 0]
    said = capfd.readouterr().err
    assert said.count("caching 7 decoded images") == 1
    assert said.count("waiting for ") == 1
    assert len(os.listdir(cache_home() / "pictures")) == 1


def _all(error: int | None) -> Iterator[Point]:
    """A crash before and after each durable call, or an error of each."""
    for number in itertools.count():
        yield Point(number, error=error)
        if error is None:
            yield Point(number, after=True)


@pytest.mark.parametrize("error", [None, errno.ENOSPC, errno.EIO], ids=["crash", "full", "error"])
@pytest.mark.parametrize("damaged", [False, True], ids=["new", "again"])
def test_killed_or_failing_at_any_durable_call(photos, damaged: bool, error: int | None) -> None:
    root = photos(2)
    source = of_files("folder", root, sorted(root.glob("*.png")))
    whole = np.stack([source.read(index, None)[:32, :32] for index in range(2)])

    def build() -> CachedImages:
        return decode_cached(source, "x", lambda i: source.read(i, None)[:32, :32], 32)[1]

    for point in _all(error):
        shutil.rmtree(cache_home(), ignore_errors=True)
        if damaged:
            build()
            _truncate(next(cache_home().glob("pictures/*/pixels")))
        status, count, said = attempt(build, point)
        assert status in (0, REFUSED, CRASHED), said
        if error is not None:
            assert list(cache_home().rglob("*.part")) == []
        np.testing.assert_array_equal(build().images, whole)
        assert list(cache_home().rglob("*.part")) == []
        if status == 0 and count <= point.number:
            break
    assert point.number > (6 if error else 12)


def test_the_files_of_the_cache(squares: Source) -> None:
    key, _ = decode_cached(squares, "x", Decoder(squares), 4)
    folder: Path = cache_home() / "pictures" / key
    assert (folder / "pixels").stat().st_size == 7 * 4 * 4 * 3
    meta = json.loads((folder / "meta.json").read_text())
    sums = [zlib.crc32(image.tobytes()) for image in squares.pixels]  # type: ignore[union-attr]
    assert meta.pop("sha256")
    about = "7 images of toys, x"
    assert meta == {"shapes": [[4, 4, 3]] * 7, "broken": {}, "crc32": sums, "about": about}
