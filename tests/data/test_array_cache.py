import os
import shutil
import threading
from pathlib import Path

import pytest
import torch

from reverie.core.files import cache_home
from reverie.data.array_cache import ARRAYS, Arrays, cached_arrays
from reverie.data.cache_contents import manage_cache


class Computation:
    """Counts how often it was needed."""

    def __init__(self, size: int = 100) -> None:
        self.calls = 0
        self.arrays: Arrays = {"x": torch.arange(float(size)).view(-1, 2).T, "y": torch.ones(3)}

    def __call__(self) -> Arrays:
        self.calls += 1
        return self.arrays

    def get(self, **depends_on: str | int) -> Arrays:
        found = cached_arrays(depends_on or {"of": "toys"}, "sums of toys", self)
        assert found.keys() == self.arrays.keys()
        assert all(torch.equal(found[name], self.arrays[name]) for name in found)
        return found


def only_entry() -> Path:
    (folder,) = (cache_home() / "features").iterdir()
    return folder


def test_they_are_computed_once_for_each_key() -> None:
    compute = Computation()
    for _ in range(3):
        compute.get()
    assert compute.calls == 1
    compute.get(of="toys", version=2)
    compute.get(of="other toys")
    assert compute.calls == 3


@pytest.mark.parametrize("damage", ["a bit", "the end", "no arrays", "no json", "an empty json"])
def test_damage_is_noticed(damage: str, capsys: pytest.CaptureFixture[str]) -> None:
    compute = Computation()
    compute.get()
    arrays, meta = only_entry() / ARRAYS, only_entry() / "meta.json"
    content = bytearray(arrays.read_bytes())
    content[-5] ^= 1
    harm = {
        "a bit": lambda: arrays.write_bytes(content),
        "the end": lambda: arrays.write_bytes(content[:-1]),
        "no arrays": arrays.unlink,
        "no json": meta.unlink,
        "an empty json": lambda: meta.write_text("{}"),
    }
    harm[damage]()
    compute.get()
    compute.get()
    assert compute.calls == 2
    assert "is damaged: computing sums of toys again" in capsys.readouterr().err


def test_they_are_listed_verified_and_emptied() -> None:
    compute = Computation()
    compute.get()
    compute.get(of="more")
    listed = manage_cache()
    assert [entry.about for entry in listed.features] == ["sums of toys"] * 2
    assert listed.images == ()
    assert "  sums of toys; used just now" in listed.summary()
    assert len(listed.to_json()["features"]) == 2  # type: ignore[arg-type]
    (listed.features[0].folder / ARRAYS).write_bytes(b"")
    assert manage_cache(verify=True).features == listed.features[1:]
    assert manage_cache(empty=True).features == ()


def test_those_used_the_longest_time_ago_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    compute = Computation(1000)
    monkeypatch.setenv("REVERIE_CACHE_LIMIT", "10 kB")
    for number in (1, 2):
        compute.get(number=number)
    for place, entry in enumerate(manage_cache().features):
        os.utime(entry.folder / "meta.json", (place, place))
        os.utime(entry.folder, (place, place))
    compute.get(number=1)  # used again
    compute.get(number=3)
    assert compute.calls == 3
    compute.get(number=1)
    assert compute.calls == 3
    compute.get(number=2)
    assert compute.calls == 4
    monkeypatch.setenv("REVERIE_CACHE_LIMIT", "1 kB")  # too small for any of them
    compute.get(number=5)
    assert len(manage_cache().features) == 2


def test_a_cache_that_cannot_be_written_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    cache_home().mkdir(parents=True, exist_ok=True)
    for name in ("features", "locks"):
        shutil.rmtree(cache_home() / name, ignore_errors=True)
        (cache_home() / name).write_text("a file, where a folder is needed")
    compute = Computation()
    compute.get()
    compute.get()
    assert compute.calls == 2


def test_one_computes_while_the_others_wait() -> None:
    started, go_on = threading.Event(), threading.Event()
    compute = Computation()

    def slow() -> Arrays:
        started.set()
        assert go_on.wait(20)
        return compute()

    first = threading.Thread(target=cached_arrays, args=({"of": "toys"}, "sums", slow))
    others = [threading.Thread(target=compute.get) for _ in range(2)]
    first.start()
    assert started.wait(20)
    for thread in others:
        thread.start()
    go_on.set()
    for thread in (first, *others):
        thread.join(20)
    assert compute.calls == 1
