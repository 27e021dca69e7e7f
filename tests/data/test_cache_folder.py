import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from reverie.core.errors import UserError
from reverie.core.files import cache_home, part_name
from reverie.data.cache import decode_cached
from reverie.data.cache_folder import (
    building,
    cache_limit,
    entries,
    make_room,
    readable_age,
    remove_abandoned,
)
from reverie.data.source import of_pixels
from tests.crashes import Point, attempt


def build(number: int) -> tuple[str, np.ndarray]:
    """An entry of 48 kB of pixels; the earlier its number, the longer ago it was used."""
    source = of_pixels("toys", np.full((1, 128, 128, 3), number, np.uint8), None, ())
    key, cached = decode_cached(source, "x", lambda index: source.read(index, None), 128)
    assert isinstance(cached.images, np.ndarray)
    for path in (cache_home() / "pictures" / key, cache_home() / "pictures" / key / "meta.json"):
        os.utime(path, (number, number))
    return key, cached.images


def keys() -> list[str]:
    return [entry.folder.name for entry in entries()]


def test_the_least_recently_used_goes_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REVERIE_CACHE_LIMIT", "160 kB")
    made = [build(number)[0] for number in (30, 10, 20)]
    assert keys() == [made[1], made[2], made[0]]
    new = build(40)[0]
    assert keys() == [made[2], made[0], new]
    said = capsys.readouterr().err
    assert "removed 49.3 kB from the cache, used " in said
    assert "days ago, to make room: 1 image of toys, x" in said
    build(20)  # used again
    assert len(keys()) == 3


def test_images_in_use_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    first, images = build(10)
    second = build(20)[0]
    monkeypatch.setenv("REVERIE_CACHE_LIMIT", "0")
    make_room(0)
    assert keys() == [first]
    assert (images == 10).all()
    child = os.fork()  # another process, which goes on using them
    if child == 0:
        time.sleep(30)
        os._exit(0)
    del images
    make_room(0)
    assert keys() == [first]
    os.kill(child, 9)
    os.waitpid(child, 0)
    make_room(0)
    assert keys() == []
    assert second not in os.listdir(cache_home() / "locks")


def test_images_that_are_being_made_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    key = build(1)[0]
    monkeypatch.setenv("REVERIE_CACHE_LIMIT", "0")
    with building(cache_home() / "pictures" / key, "decoding images"):
        make_room(0)
        assert keys() == [key]
    make_room(0)
    assert keys() == []


@pytest.mark.parametrize(
    ("text", "size"),
    [("", 20e9), ("20 GB", 20e9), ("500MB", 5e8), ("1.5 tb", 1.5e12), ("0", 0), ("12k", 12e3)],
)
def test_limits(monkeypatch: pytest.MonkeyPatch, text: str, size: float) -> None:
    monkeypatch.setenv("REVERIE_CACHE_LIMIT", text)
    assert cache_limit() == size


@pytest.mark.parametrize("text", ["much", "-1", "nan", "1e9", "20 GB of it"])
def test_limits_that_are_none(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("REVERIE_CACHE_LIMIT", text)
    with pytest.raises(UserError, match="REVERIE_CACHE_LIMIT must be a size such as 20 GB, not"):
        cache_limit()


def test_what_killed_processes_left_is_removed() -> None:
    def work() -> None:
        for kind in ("pictures", "sets"):
            part_name(cache_home() / kind / "x").mkdir(parents=True)

    attempt(work, Point())
    assert len(os.listdir(cache_home() / "pictures")) == 1
    own = part_name(cache_home() / "pictures" / "y")
    own.mkdir(parents=True)
    remove_abandoned()
    assert os.listdir(cache_home() / "pictures") == [own.name]
    assert os.listdir(cache_home() / "sets") == []


def test_foreign_files_are_no_entries(tmp_path: Path) -> None:
    folder = cache_home() / "pictures"
    (folder / "holiday").mkdir(parents=True)
    (folder / ("0" * 16)).symlink_to(tmp_path)
    (folder / ("1" * 16)).touch()
    assert entries() == []


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "just now"), (60, "1 minute ago"), (7300, "2 hours ago"), (90_000, "1 day ago")],
)
def test_ages(seconds: float, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    clock: Callable[[], float] = lambda: 1e9  # noqa: E731
    monkeypatch.setattr(time, "time", clock)
    assert readable_age(1e9 - seconds) == words
