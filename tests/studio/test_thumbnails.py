import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reverie.core.errors import UserError
from reverie.studio.thumbnails import key_of, placeholder, thumbnail


@pytest.mark.parametrize(
    ("size", "side", "want"),
    [((600, 300), 128, (128, 64)), ((40, 20), 128, (40, 20)), ((3000, 10), 256, (256, 1))],
)
def test_the_longer_side_is_bounded(
    tmp_path: Path, size: tuple[int, int], side: int, want: tuple[int, int]
) -> None:
    for mode, suffix in (("RGB", "jpg"), ("RGBA", "png"), ("P", "gif"), ("L", "png")):
        path = tmp_path / f"{mode}.{suffix}"
        Image.new(mode, size).save(path)
        with Image.open(io.BytesIO(thumbnail(path, side, tmp_path / "cache"))) as small:
            assert small.size == want
            assert small.format == "WEBP"


def test_small_images_keep_their_pixels(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (30, 30, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    content = thumbnail(tmp_path / "a.png", 128, tmp_path / "cache")
    with Image.open(io.BytesIO(content)) as small:
        assert (np.asarray(small) == pixels).all()


def test_made_once_and_again_when_the_image_changes(tmp_path: Path) -> None:
    path, cache = tmp_path / "a.png", tmp_path / "cache"
    Image.new("L", (300, 300), 10).save(path)
    one, key = thumbnail(path, 128, cache), key_of(path, 128)
    (file,) = cache.rglob("*.webp")
    file.write_bytes(b"from the cache")
    assert thumbnail(path, 128, cache) == b"from the cache"
    Image.new("L", (300, 300), 200).save(path)
    os.utime(path, (1, 1))
    assert key_of(path, 128) != key != key_of(path, 256)
    assert thumbnail(path, 128, cache) not in (one, b"from the cache")


def test_shown_where_it_cannot_be_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("L", (300, 300), 10).save(path)
    (tmp_path / "cache").write_bytes(b"a file in the place of the folder")
    with Image.open(io.BytesIO(thumbnail(path, 128, tmp_path / "cache"))) as small:
        assert small.size == (128, 128)


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no image")
    with pytest.raises(UserError, match=r"a\.png"):
        thumbnail(tmp_path / "a.png", 128, tmp_path / "cache")


def test_a_placeholder_has_the_size_that_is_asked_for() -> None:
    with Image.open(io.BytesIO(placeholder(128))) as image:
        assert (image.size, image.format) == ((128, 128), "WEBP")
        assert len(set(np.asarray(image.convert("L")).ravel().tolist())) > 1
