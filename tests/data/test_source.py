import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.core import image_io
from reverie.core.errors import UserError
from reverie.data.source import FetchOptions, of_files, of_pixels, set_folder


@given(
    count=st.integers(1, 4),
    height=st.integers(1, 5),
    width=st.integers(1, 5),
    channels=st.sampled_from([1, 3]),
)
def test_images_in_memory(count: int, height: int, width: int, channels: int) -> None:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (count, height, width, channels), np.uint8)
    source = of_pixels("toys", pixels, np.arange(count, dtype=np.uint8), ("a", "b"), "test")
    assert list(source.names) == [str(index) for index in range(count)]
    for index in range(count):
        np.testing.assert_array_equal(source.read(index, None), pixels[index])
    assert source.native_size == (height if height == width else None)
    assert source.digest() == hashlib.sha256(pixels.tobytes()).hexdigest()
    assert source.labels is not None
    assert source.labels.dtype == np.int64
    assert (source.split, source.kind, source.class_names) == ("test", "toys", ("a", "b"))


def test_image_files(photos, tmp_path: Path) -> None:
    root = photos(3)
    files = sorted(root.glob("*.png"))
    source = of_files("folder", root, files)
    assert list(source.names) == ["000.png", "001.png", "002.png"]
    assert source.files == tuple(files)
    assert source.labels is None
    assert source.native_size is None
    assert source.split == "all"
    np.testing.assert_array_equal(source.read(1, None), image_io.read(files[1]))


def test_the_digest_is_of_names_and_contents(photos) -> None:
    root = photos(2)
    files = sorted(root.glob("*.png"))
    first = of_files("folder", root, files).digest()
    whole = hashlib.sha256()
    for file in files:
        whole.update(file.name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    assert first == whole.hexdigest()
    assert of_files("folder", root, files[::-1]).digest() != first
    assert of_files("folder", root.parent, files).digest() != first  # other names
    files[0].write_bytes(files[1].read_bytes())
    assert of_files("folder", root, files).digest() != first


def test_a_file_that_is_damaged_is_reported_when_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no image")
    source = of_files("folder", tmp_path, [tmp_path / "a.png"])
    with pytest.raises(UserError, match=r"a\.png"):
        source.read(0, None)


def test_where_fetched_datasets_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path))
    assert set_folder("faces") == tmp_path / "sets" / "faces"
    assert FetchOptions().folder_name("faces") == "faces"
