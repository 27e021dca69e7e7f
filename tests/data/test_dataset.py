import os
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
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


@pytest.mark.parametrize(("changes", "times"), [({}, 1), ({"jitter": 0.5}, 2)])
def test_images_are_decoded_once(
    photos: Photos,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, object],
    times: int,
) -> None:
    """Those that tell channels and spread are not decoded again, unless for another size."""
    folder, seen, read = photos(), Counter[str](), images.read

    def counted(path: Path, fit: images.Fit | None = None) -> np.ndarray:
        seen[Path(path).name] += 1
        return read(path, fit=fit)

    monkeypatch.setattr(images, "read", counted)
    found = open_dataset(options(folder, **changes))
    assert set(seen.values()) == {times}
    monkeypatch.setattr(images, "read", read)
    again = open_dataset(options(folder, cache=False, **changes))
    np.testing.assert_array_equal(found.read(np.arange(12)), again.read(np.arange(12)))


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
        assert "3 of 100 images damaged" in said
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
    with pytest.raises(UserError, match="none of 1 image can be read"):
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


def test_the_fingerprint_is_that_of_the_images(photos: Photos, tmp_path: Path) -> None:
    """Whatever is cached, whatever the files' times are, and however the folder is reached."""
    photos(2, "set/a")
    folder = photos(3, "set/b").parent
    for name, side in (("ragged", {"resize": "none"}), ("squares", {})):
        first = open_dataset(options(folder, **side)).fingerprint
        (tmp_path / f"link-{name}").symlink_to(folder)
        places = [folder, tmp_path / f"link-{name}", folder / "a" / ".."]
        for place in places:
            for cache in (True, False):
                assert open_dataset(options(place, cache=cache, **side)).fingerprint == first
        for file in folder.rglob("*.png"):
            os.utime(file, (1, 1))
        assert open_dataset(options(folder, cache=False, **side)).fingerprint == first
        shutil.rmtree(cache_home())
        assert open_dataset(options(folder, cache=False, **side)).fingerprint == first
        assert open_dataset(options(folder, **side)).fingerprint == first
        folder = folder.rename(tmp_path / f"moved-{name}")
        assert open_dataset(options(folder, **side)).fingerprint == first
        for file in folder.rglob("*.png"):  # copied, as from another disk
            file.write_bytes(file.read_bytes())
        assert open_dataset(options(folder, **side)).fingerprint == first


def test_fingerprints_do_not_change_between_versions(tmp_path: Path) -> None:
    """Runs that are resumed compare them."""
    for number in range(3):
        (tmp_path / f"{number}.ppm").write_bytes(
            b"P6 2 2 255\n" + bytes(range(number, number + 12))
        )
    assert open_dataset(options(tmp_path)).fingerprint == "b4ba363734ba4e2f"
    assert (
        open_dataset(options(tmp_path, resize="pad", image_size=2)).fingerprint
        == "f14d6450bfb37083"
    )
    digits = {size: DataOptions(data="digits", image_size=size, split="test") for size in (28, 32)}
    assert open_dataset(digits[28]).fingerprint == "7eaac8d1dc5f45df"
    assert open_dataset(digits[32]).fingerprint == "155b0434b944c6b1"
    uncached = replace(digits[32], cache=False)
    assert open_dataset(uncached).fingerprint == "155b0434b944c6b1"
    jittered = replace(uncached, image_size=16, resize="pad", jitter=0.25)
    assert open_dataset(jittered).fingerprint == "21bbaaf8564c5caa"
    ragged = replace(uncached, image_size=20, resize="width", channels="3")
    assert open_dataset(ragged).fingerprint == "fd8d224dbb345173"
    (tmp_path / "labels.csv").write_text("file,kind\n2.ppm,a\n0.ppm,b\n")
    assert open_dataset(options(tmp_path / "labels.csv")).fingerprint == "f91d493f4b8bb5bf"


def test_damaged_estimates_are_made_again(photos: Photos) -> None:
    folder = photos(3)
    first = open_dataset(options(folder))
    for file in cache_home().glob("*/*.json"):
        file.write_bytes(bytes(20))
    again = open_dataset(options(folder))
    assert (again.spec, again.fingerprint) == (first.spec, first.fingerprint)


@pytest.mark.parametrize("changes", [{}, {"resize": "squash"}, {"resize": "pad", "jitter": 0.5},
                                     {"resize": "width"}, {"resize": "none"}])  # fmt: skip
def test_rectangles_are_read_from_the_cache_and_from_files(
    photos: Photos, changes: dict[str, object]
) -> None:
    folder, where = photos(size=(40, 32)), np.array([[0.2, 0.9]] * 12)
    cached = open_dataset(options(folder, image_size="20x12", **changes))
    uncached = open_dataset(options(folder, image_size=(20, 12), cache=False, **changes))
    read = cached.read(np.arange(12), where)
    assert read.shape == (12, 12, 20, 3)
    np.testing.assert_array_equal(read, uncached.read(np.arange(12), where))
    assert cached.fingerprint == uncached.fingerprint
    assert cached.spec.image_size == "20x12"
    other = open_dataset(options(folder, image_size="24x12", cache=False, **changes))
    assert (other.fingerprint == cached.fingerprint) == (changes.get("resize") == "none")


@pytest.mark.parametrize("policy", ["none", "width"])
def test_images_smaller_than_a_rectangle_are_refused(photos: Photos, policy: str) -> None:
    folder = photos(size=(40, 20))
    with pytest.raises(UserError, match="is smaller than the 24×40 crop"):
        open_dataset(options(folder, image_size="24x40", resize=policy))


def test_decoding_fast_and_exact(tmp_path: Path) -> None:
    """Both have their own entry in the cache, and differ by less than a level on average."""
    y, x = np.mgrid[:401, :603] / 60
    waves = np.stack([np.sin(a * x + 3 * y) for a in (1, 2, 5)], axis=-1)
    Image.fromarray((127 + 100 * waves).astype(np.uint8)).save(tmp_path / "a.jpg", quality=95)
    options = DataOptions(data=str(tmp_path), image_size=32)
    fast, exact = open_dataset(options), open_dataset(replace(options, decode="exact"))
    assert fast.fingerprint != exact.fingerprint
    one, other = (opened.read(np.arange(1)).astype(int) for opened in (fast, exact))
    assert 0 < np.abs(one - other).mean() < 1
    whole = images.resize(images.read(tmp_path / "a.jpg"), 32)
    np.testing.assert_array_equal(other[0], whole)
    Image.fromarray((127 + 100 * waves).astype(np.uint8)).save(tmp_path / "b.png")
    (tmp_path / "a.jpg").unlink()
    fast, exact = open_dataset(options), open_dataset(replace(options, decode="exact"))
    assert fast.fingerprint == exact.fingerprint  # it makes no difference to a PNG
