import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reverie import images
from reverie.core.errors import UserError
from reverie.core.files import cache_home
from reverie.data import DataOptions, open_dataset

Photos = Callable[..., Path]


def options(folder: Path, **changes: object) -> DataOptions:
    return DataOptions(data=str(folder), **({"image_size": 16} | changes))  # type: ignore[arg-type]


def test_the_cache_holds_what_reading_gives(photos: Photos) -> None:
    folder = photos()
    cached = open_dataset(options(folder))
    uncached = open_dataset(options(folder, cache=False))
    everything = np.arange(len(cached))
    assert cached.spec == uncached.spec
    np.testing.assert_array_equal(cached.read(everything), uncached.read(everything))
    first = images.resize(images.read(folder / "000.png"), 16)
    np.testing.assert_array_equal(cached.read(everything[:1])[0], first)


def test_a_cached_folder_is_not_decoded_again(
    photos: Photos, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = photos()
    before = open_dataset(options(folder, channels="3"))
    assert "caching 12 decoded images, 9.22 kB" in capsys.readouterr().err
    monkeypatch.setattr(images, "read", lambda *a, **k: pytest.fail("a picture was decoded"))
    after = open_dataset(options(folder, channels="3"))
    np.testing.assert_array_equal(before.read(np.arange(12)), after.read(np.arange(12)))


def test_the_cache_is_keyed_by_content_and_options(photos: Photos, tmp_path: Path) -> None:
    folder = photos()
    first = open_dataset(options(folder))
    moved = tmp_path / "elsewhere"
    shutil.copytree(folder, moved)
    assert open_dataset(options(moved)).fingerprint == first.fingerprint
    assert open_dataset(options(folder, image_size=8)).fingerprint != first.fingerprint
    assert open_dataset(options(folder, resize="pad")).fingerprint != first.fingerprint
    Image.new("RGB", (40, 32)).save(folder / "000.png")
    changed = open_dataset(options(folder))
    assert changed.fingerprint != first.fingerprint
    assert changed.read(np.array([0])).max() == 0


def test_broken_pictures_are_named_and_left_out(
    photos: Photos, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos(50, "set/a")
    photos(50, "set/b")
    for name in ("a/007.png", "a/020.png", "b/040.png"):
        (tmp_path / "set" / name).write_bytes(b"broken")
    for _ in range(2):  # the second time from the cache
        pictures = open_dataset(options(tmp_path / "set"))
        said = capsys.readouterr().err
        assert len(pictures) == len(pictures.labels) == 97
        assert pictures.labels.tolist() == [0] * 48 + [1] * 49
        assert "3 of 100 images are damaged" in said
        assert "a/007.png, a/020.png, b/040.png" in said


def test_a_broken_picture_without_a_cache_is_replaced_by_the_next(photos: Photos) -> None:
    folder = photos(3)
    (folder / "001.png").write_bytes(b"broken")
    pictures = open_dataset(options(folder, cache=False))
    rows = pictures.read(np.array([1, 2]))
    np.testing.assert_array_equal(rows[0], rows[1])
    assert list(pictures.broken) == ["001.png"]


def test_a_folder_of_broken_pictures_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"broken")
    with pytest.raises(UserError, match="none of the 1 images can be read"):
        open_dataset(options(tmp_path))
    assert not list(cache_home().glob("pictures/*"))  # and nothing half-made stays
    with pytest.raises(UserError, match="none of the images can be read"):
        open_dataset(options(tmp_path, cache=False)).read(np.array([0]))


def test_a_full_disk_is_told_before_the_cache_is_made(
    photos: Photos, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage("/")._replace(free=10)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(UserError, match="use --no-cache"):
        open_dataset(options(photos()))


def test_grey_pictures_are_noticed(tmp_path: Path, photos: Photos) -> None:
    Image.fromarray(np.full((20, 20, 3), 9, np.uint8)).save(tmp_path / "grey.png")
    assert open_dataset(options(tmp_path)).spec.channels == 1
    assert open_dataset(options(tmp_path, channels="3")).spec.channels == 3
    assert open_dataset(options(photos())).spec.channels == 3


def test_digits_can_be_resized() -> None:
    pictures = open_dataset(DataOptions(data="digits", image_size=32, split="test"))
    assert pictures.read(np.arange(2)).shape == (2, 32, 32, 1)
    assert open_dataset(DataOptions(data="digits")).spec.image_size == 28
