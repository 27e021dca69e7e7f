import os

import numpy as np
import pytest

from reverie.core.errors import UserError
from reverie.core.files import cache_home
from reverie.data import DataOptions, open_dataset
from reverie.data.cache_contents import manage_cache


def opened(folder: object) -> str:
    return open_dataset(DataOptions(data=str(folder), image_size=16)).fingerprint


def test_the_contents_are_listed(photos) -> None:
    folder, faces = photos(3), cache_home() / "sets" / "faces" / "trainA"
    key = opened(folder)
    faces.mkdir(parents=True)
    (faces / "1.png").write_bytes(bytes(1000))
    result = manage_cache()
    assert [entry.folder.name for entry in result.images] == [key]
    assert result.sets == {"faces": 1000}
    lines = result.summary().splitlines()
    assert lines[0] == str(cache_home())
    assert lines[1].endswith("kB, at most 20 GB")
    assert lines[2].endswith(f"  3 images of {folder}, 16 3 crop; used just now")
    assert lines[3:] == ["fetched datasets: 1 kB", "      1 kB  faces"]
    shown = result.to_json()
    assert shown["sets"] == {"faces": 1000}
    assert shown["images"][0]["about"] == f"3 images of {folder}, 16 3 crop"  # type: ignore[index,call-overload]


def test_an_empty_cache() -> None:
    result = manage_cache(empty=True, verify=True)
    assert (result.images, result.sets) == ((), {})
    assert "decoded images and features: 0 bytes, at most" in result.summary()


def test_emptying_removes_only_what_can_be_made_again(
    photos, capsys: pytest.CaptureFixture[str]
) -> None:
    used = open_dataset(DataOptions(data=str(photos(3)), image_size=16))
    opened(photos(3, "others"))
    (cache_home() / "sets" / "faces").mkdir(parents=True)
    (cache_home() / "pictures" / "holiday.png").touch()
    (cache_home() / "digests" / "notes.txt").touch()
    left = manage_cache(empty=True)
    assert [entry.folder.name for entry in left.images] == [used.fingerprint]
    assert "kept, since a process uses it: 3 images of" in capsys.readouterr().err
    assert left.sets == {"faces": 0}
    assert os.listdir(cache_home() / "digests") == ["notes.txt"]
    assert os.listdir(cache_home() / "looks") == []
    assert sorted(os.listdir(cache_home() / "pictures")) == sorted(
        [used.fingerprint, "holiday.png"]
    )


def test_fetched_datasets_go_when_they_are_named() -> None:
    for name in ("faces", "emoji"):
        (cache_home() / "sets" / name / "trainA").mkdir(parents=True)
    for name in ("face", "../sets", "", "."):
        with pytest.raises(UserError, match="there is no fetched dataset"):
            manage_cache(remove=["faces", name])
    assert list(manage_cache(remove=["faces"]).sets) == ["emoji"]
    manage_cache(remove=["emoji"])
    with pytest.raises(UserError, match="'emoji'; none was fetched"):
        manage_cache(remove=["emoji"])
    assert os.listdir(cache_home() / "sets") == []


def test_verifying_reads_all_again(photos, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what has the same size and all times as before, as after a clock was set back."""
    folder = photos(3)
    key = opened(folder)
    monkeypatch.setattr("reverie.data.memo.stat_digest", lambda source: "0" * 16)
    monkeypatch.setattr("reverie.data.dataset.stat_digest", lambda source: "0" * 16)
    assert opened(folder) == key
    content = bytearray((folder / "000.png").read_bytes())
    (folder / "000.png").write_bytes((folder / "001.png").read_bytes())
    assert opened(folder) == key  # not noticed
    assert len(manage_cache(verify=True).images) == 1
    assert opened(folder) != key
    (folder / "000.png").write_bytes(content)
    manage_cache(verify=True)
    assert opened(folder) == key


def test_verifying_removes_damaged_images(
    photos, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    key = opened(photos(3))
    monkeypatch.setattr("reverie.data.cache.CHECKED_BYTES", 0)
    pixels = cache_home() / "pictures" / key / "pixels"
    content = np.frombuffer(pixels.read_bytes(), np.uint8).copy()
    content[-1] ^= 1
    pixels.write_bytes(content.tobytes())
    assert manage_cache().images[0].folder.name == key
    assert manage_cache(verify=True).images == ()
    assert f"{key} is damaged; it is made again" in capsys.readouterr().err
