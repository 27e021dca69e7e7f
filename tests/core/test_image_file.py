import io
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import ExifTags, Image, ImageCms

from reverie.core.errors import UserError
from reverie.core.image_file import (
    WRITABLE,
    ImageFile,
    encode_image_file,
    holdable_suffix,
    read_image_file,
    resized,
)

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
SIDES = st.tuples(st.integers(1, 6), st.integers(1, 6))


def exif(**tags: object) -> bytes:
    made = Image.Exif()
    for name, value in tags.items():
        made[ExifTags.Base[name]] = value
    return made.tobytes()


def deep_png(colour_type: int, channels: int) -> bytes:
    """A PNG file of 2×2 pixels with 16 bits per channel, which Pillow cannot write."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", 2, 2, 16, colour_type, 0, 0, 0)
    rows = b"".join(b"\0" + bytes(range(4 * channels)) for _ in range(2))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


@settings(deadline=None)
@given(SIDES.flatmap(lambda s: hnp.arrays(np.uint8, (*s, 4))), st.sampled_from([".png", ".tif"]))
def test_transparent_pixels_survive(
    tmp_path_factory: pytest.TempPathFactory, pixels: np.ndarray, suffix: str
) -> None:
    path = tmp_path_factory.mktemp("images") / f"a{suffix}"
    image = ImageFile(pixels[..., :3], pixels[..., 3])
    path.write_bytes(encode_image_file(image, suffix))
    back = read_image_file(path)
    np.testing.assert_array_equal(back.colour, image.colour)
    np.testing.assert_array_equal(back.alpha, image.alpha)
    with Image.open(path) as plain:
        assert plain.mode == "RGBA"


@settings(deadline=None)
@given(SIDES.flatmap(lambda s: hnp.arrays(np.uint16, (*s, 1))), st.sampled_from([".png", ".tiff"]))
def test_sixteen_bits_survive(
    tmp_path_factory: pytest.TempPathFactory, pixels: np.ndarray, suffix: str
) -> None:
    path = tmp_path_factory.mktemp("images") / f"a{suffix}"
    path.write_bytes(encode_image_file(ImageFile(pixels), suffix))
    back = read_image_file(path)
    assert back.colour.dtype == np.uint16
    assert back.max_value == 65535
    assert back.alpha is None
    np.testing.assert_array_equal(back.colour, pixels)


def test_grayscale_with_alpha(tmp_path: Path) -> None:
    pixels = np.array([[[10, 0], [20, 255]]], np.uint8)
    image = ImageFile(pixels[..., :1], pixels[..., 1])
    (tmp_path / "a.png").write_bytes(encode_image_file(image, ".png"))
    with Image.open(tmp_path / "a.png") as plain:
        assert plain.mode == "LA"
    back = read_image_file(tmp_path / "a.png")
    assert back.max_value == 255
    np.testing.assert_array_equal(back.colour, image.colour)
    np.testing.assert_array_equal(back.alpha, image.alpha)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_another_size_is_that_of_pillow(dtype: type[np.unsignedinteger]) -> None:
    random = np.random.default_rng(0)
    white = int(np.iinfo(dtype).max)
    smooth = Image.fromarray(random.random((6, 8)).astype(np.float32)).resize((48, 36))
    pixels = (np.clip(np.asarray(smooth), 0, 1) * white).astype(dtype)
    image = ImageFile(pixels[..., None], pixels, b"exif", b"profile")
    made = resized(image, 20, 30)
    assert (made.colour.shape, made.alpha.shape) == ((20, 30, 1), (20, 30))  # type: ignore[union-attr]
    assert (made.colour.dtype, made.exif, made.icc_profile) == (dtype, b"exif", b"profile")
    want = Image.fromarray(pixels.astype(np.float32)).resize((30, 20), Image.Resampling.BICUBIC)
    rounding = 0.5 + 1e-6 * white  # a pixel's, and that of the weights
    np.testing.assert_allclose(made.colour[..., 0], np.asarray(want).clip(0, white), atol=rounding)
    np.testing.assert_array_equal(made.alpha, made.colour[..., 0])


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_metadata_survives(tmp_path: Path, suffix: str) -> None:
    pixels = np.full((4, 6, 3), 128, np.uint8)
    image = ImageFile(pixels, None, exif(Artist="me", ImageDescription="a wall"), PROFILE)
    path = tmp_path / f"a{suffix}"
    path.write_bytes(encode_image_file(image, suffix))
    with Image.open(path) as plain:  # as another program reads it
        assert plain.getexif()[ExifTags.Base.Artist] == "me"
        assert plain.info["icc_profile"] == PROFILE
    back = read_image_file(path)
    assert back.icc_profile == PROFILE
    again = Image.Exif()
    again.load(back.exif)
    assert again[ExifTags.Base.ImageDescription] == "a wall"


def test_rotation_is_applied_once(tmp_path: Path) -> None:
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    made = Image.Exif()
    made[ExifTags.Base.Orientation] = 6  # turn by 90° clockwise to show it
    made[ExifTags.Base.Artist] = "me"
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=made)
    back = read_image_file(tmp_path / "a.png")
    np.testing.assert_array_equal(back.colour, np.rot90(pixels, -1))
    kept = Image.Exif()
    kept.load(back.exif)
    assert ExifTags.Base.Orientation not in kept
    assert kept[ExifTags.Base.Artist] == "me"


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate", "jpeg"])
@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1", "RGBA", "CMYK", "I;16"])
def test_tags_of_a_tiff_describe_that_file_alone(
    tmp_path: Path, mode: str, compression: str | None
) -> None:
    """Where its strips begin is wrong in a file of another size, and no format can hold it."""
    if compression == "jpeg" and mode in ("P", "1", "RGBA", "I;16"):
        pytest.skip("not in JPEG")
    pixels = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)
    image = Image.fromarray(pixels).convert("L" if mode == "I;16" else mode)
    image = Image.fromarray(np.asarray(image).astype(np.uint16)) if mode == "I;16" else image
    words = {270: "a wall", 315: "me", 33550: (1.0, 2.0, 3.0), 34377: b"8BIM"}
    image.save(tmp_path / "a.tif", compression=compression, tiffinfo=words)
    back = read_image_file(tmp_path / "a.tif")
    assert back.colour.shape[:2] == (9, 7)
    larger = replace(back, colour=back.colour.repeat(3, 0), alpha=None)
    for suffix in (".tif", ".png") if mode == "I;16" else (".tif", ".png", ".jpg", ".webp"):
        (tmp_path / f"b{suffix}").write_bytes(encode_image_file(larger, suffix))
        with Image.open(tmp_path / f"b{suffix}") as plain:
            plain.load()
            assert plain.size == (7, 27)
            tags = plain.getexif()
            assert (tags[270], tags[315]) == ("a wall", "me")
            assert 34377 not in tags
            if suffix != ".tif":
                assert not tags.keys() & {256, 257, 258, 259, 273, 278, 279}


def test_metadata_that_cannot_be_written_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("RGB", (3, 3)).save(tmp_path / "a.jpg", exif=exif(Artist="me"))

    def fail(*_: object) -> bytes:
        raise struct.error("argument out of range")

    monkeypatch.setattr(Image.Exif, "tobytes", fail)
    assert read_image_file(tmp_path / "a.jpg").exif == b""
    assert "its metadata is damaged" in capsys.readouterr().err


@pytest.mark.parametrize(("suffix", "largest"), [(".webp", 16383), (".jpg", 65500)])
@pytest.mark.parametrize("axis", [0, 1])
def test_a_format_has_a_largest_side(suffix: str, largest: int, axis: int) -> None:
    shape = [1, 1, 1]
    shape[axis] = largest
    fits = ImageFile(np.zeros(shape, np.uint8))
    assert holdable_suffix(suffix, fits) == suffix
    with Image.open(io.BytesIO(encode_image_file(fits, suffix))) as made:
        assert max(made.size) == largest
    shape[axis] += 1
    larger = ImageFile(np.zeros(shape, np.uint8))
    assert holdable_suffix(suffix, larger) == ".png"
    with pytest.raises(UserError, match=f"{suffix} holds {largest:,} pixels a side at most"):
        encode_image_file(larger, suffix)


def test_metadata_longer_than_jpeg_holds() -> None:
    long = ImageFile(np.zeros((2, 2, 3), np.uint8), None, exif(ImageDescription="x" * 66_000))
    assert holdable_suffix(".jpg", long) == ".png"
    with pytest.raises(UserError, match=r"cannot be written as \.jpg \(EXIF data is too long\)"):
        encode_image_file(long, ".jpg")
    encode_image_file(long, ".png")


def test_the_profile_of_other_channels_is_dropped(tmp_path: Path) -> None:
    """A CMYK profile does not describe the RGB pixels that are returned."""
    Image.new("CMYK", (3, 3)).save(tmp_path / "a.jpg", icc_profile=PROFILE)
    assert read_image_file(tmp_path / "a.jpg").icc_profile is None
    Image.new("L", (3, 3)).save(tmp_path / "b.png", icc_profile=PROFILE)
    assert read_image_file(tmp_path / "b.png").icc_profile == PROFILE


def test_the_profile_of_sixteen_bits_survives(tmp_path: Path) -> None:
    image = ImageFile(np.zeros((2, 2, 1), np.uint16), None, b"", PROFILE)
    (tmp_path / "a.png").write_bytes(encode_image_file(image, ".png"))
    assert read_image_file(tmp_path / "a.png").icc_profile == PROFILE


def test_exif_of_sixteen_bits_survives(tmp_path: Path) -> None:
    image = ImageFile(np.zeros((2, 2, 1), np.uint16), None, exif(Artist="me"))
    (tmp_path / "a.png").write_bytes(encode_image_file(image, ".png"))
    with Image.open(tmp_path / "a.png") as plain:
        assert plain.getexif()[ExifTags.Base.Artist] == "me"


@pytest.mark.parametrize(
    ("colour_type", "channels", "words"),
    [(2, 3, "RGB"), (6, 4, "RGBA"), (4, 2, "grayscale with alpha")],
)
def test_deep_colour_is_refused(
    tmp_path: Path, colour_type: int, channels: int, words: str
) -> None:
    (tmp_path / "a.png").write_bytes(deep_png(colour_type, channels))
    with pytest.raises(UserError, match=f"{words} of 16 bits per channel would be truncated"):
        read_image_file(tmp_path / "a.png")


def test_deep_grayscale_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(deep_png(0, 1))
    expected = np.frombuffer(bytes(range(4)), ">u2")
    np.testing.assert_array_equal(read_image_file(tmp_path / "a.png").colour[0, :, 0], expected)


def test_what_a_format_cannot_hold_is_refused() -> None:
    deep = ImageFile(np.zeros((2, 2, 1), np.uint16))
    clear = ImageFile(np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2), np.uint8))
    with pytest.raises(UserError, match=r"\.jpg does not support 16 bits"):
        encode_image_file(deep, ".JPG")
    with pytest.raises(UserError, match=r"\.bmp does not support transparency"):
        encode_image_file(clear, ".bmp")
    with pytest.raises(UserError, match=r"not '\.gif'"):
        encode_image_file(clear, ".gif")


@pytest.mark.parametrize(
    ("dtype", "alpha"), [(np.uint8, False), (np.uint8, True), (np.uint16, False)]
)
@pytest.mark.parametrize("suffix", [*sorted(WRITABLE), ".PNG", ".JPG", ".gif", ".avif", ""])
def test_a_holdable_suffix_can_be_encoded(suffix: str, dtype: type, alpha: bool) -> None:
    channels = 1 if dtype is np.uint16 else 3
    mask = np.zeros((2, 2), np.uint8) if alpha else None
    image = ImageFile(np.zeros((2, 2, channels), dtype), mask)
    chosen = holdable_suffix(suffix, image)
    with Image.open(io.BytesIO(encode_image_file(image, chosen))) as made:
        assert made.size == (2, 2)
    try:
        encode_image_file(image, suffix)
    except UserError:
        assert chosen == ".png"
    else:
        assert chosen == suffix.lower()


def test_words_are_written_to_png_only() -> None:
    image = ImageFile(np.zeros((2, 2, 3), np.uint8))
    with Image.open(io.BytesIO(encode_image_file(image, ".png", words={"dream": "{}"}))) as made:
        assert made.text == {"dream": "{}"}  # type: ignore[attr-defined]
    encode_image_file(image, ".jpg", words={"dream": "{}"})
