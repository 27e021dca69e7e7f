from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from reverie import images
from reverie.core.errors import UserError


@given(hnp.arrays(np.uint8, st.tuples(*[st.integers(1, 4)] * 3, st.sampled_from([1, 3]))))
def test_bytes_survive_the_way_in_and_out(pixels: np.ndarray) -> None:
    tensor = images.to_tensor(pixels)
    assert tensor.shape == (len(pixels), pixels.shape[3], *pixels.shape[1:3])
    assert tensor.min() >= -1
    assert tensor.max() <= 1
    np.testing.assert_array_equal(images.to_uint8(tensor), pixels)


def test_values_outside_the_range_are_clipped() -> None:
    pixels = images.to_uint8(torch.tensor([-7.0, 7.0]).reshape(1, 1, 1, 2))
    np.testing.assert_array_equal(pixels.ravel(), [0, 255])


def test_exif_rotation_is_applied(tmp_path: Path) -> None:
    pixels = np.zeros((4, 8, 3), np.uint8)
    pixels[:, :4] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90° clockwise to see it upright
    Image.fromarray(pixels).save(tmp_path / "turned.png", exif=exif)
    upright = images.read(tmp_path / "turned.png")
    assert upright.shape == (8, 4, 3)
    assert upright[0].min() == 255
    assert upright[-1].max() == 0


def test_transparency_is_composited_on_white(tmp_path: Path) -> None:
    rgba = np.zeros((2, 2, 4), np.uint8)
    rgba[0] = (255, 0, 0, 255)
    Image.fromarray(rgba).save(tmp_path / "rgba.png")
    pixels = images.read(tmp_path / "rgba.png")
    np.testing.assert_array_equal(pixels[0, 0], [255, 0, 0])
    np.testing.assert_array_equal(pixels[1, 0], [255, 255, 255])


def test_palette_with_transparency(tmp_path: Path) -> None:
    palette = Image.new("P", (2, 1))
    palette.putpalette([10, 20, 30, 200, 100, 50])
    palette.putpixel((1, 0), 1)
    palette.save(tmp_path / "palette.png", transparency=0)
    np.testing.assert_array_equal(
        images.read(tmp_path / "palette.png")[0], [[255, 255, 255], [200, 100, 50]]
    )


def test_sixteen_bits_are_scaled_not_cut(tmp_path: Path) -> None:
    values = np.array([[0, 256, 32896, 65535]], np.uint16)
    Image.fromarray(values).save(tmp_path / "deep.png")
    np.testing.assert_array_equal(images.read(tmp_path / "deep.png")[..., 0], [[0, 1, 128, 255]])


def test_cmyk_becomes_colour(tmp_path: Path) -> None:
    Image.new("CMYK", (3, 2), (0, 255, 255, 0)).save(tmp_path / "print.jpg", quality=95)
    red, green, blue = images.read(tmp_path / "print.jpg")[0, 0]
    assert red > 200
    assert max(green, blue) < 60


def test_an_animation_gives_its_first_frame(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "film.gif", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(images.read(tmp_path / "film.gif")[0, 0], [255, 0, 0])


def test_floating_point_pixels_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((2, 2), np.float32)).save(tmp_path / "float.tif")
    with pytest.raises(UserError, match="no standard range"):
        images.read(tmp_path / "float.tif")


def test_a_text_file_is_no_picture(tmp_path: Path) -> None:
    (tmp_path / "note.png").write_text("not a picture")
    with pytest.raises(UserError, match=r"note\.png: this is not an image"):
        images.read(tmp_path / "note.png")


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_a_truncated_file_is_broken(tmp_path: Path, suffix: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / f"whole.{suffix}")
    content = (tmp_path / f"whole.{suffix}").read_bytes()
    (tmp_path / f"part.{suffix}").write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=rf"part\.{suffix}: .*(damaged|not an image)"):
        images.read(tmp_path / f"part.{suffix}")


def test_a_decompression_bomb_is_refused(tmp_path: Path) -> None:
    Image.new("1", (20_000, 10_000)).save(tmp_path / "bomb.png")
    with pytest.raises(UserError, match="megapixels"):
        images.read(tmp_path / "bomb.png")


def test_one_pixel_is_a_picture(tmp_path: Path) -> None:
    Image.new("L", (1, 1), 7).save(tmp_path / "dot.png")
    assert images.resize(images.read(tmp_path / "dot.png"), 8).tolist() == [[[7]] * 8] * 8


@pytest.mark.parametrize(("policy", "edge"), [("crop", 0), ("squash", 255), ("pad", 255)])
def test_resize_policies(policy: images.Resize, edge: int) -> None:
    pixels = np.zeros((8, 24, 1), np.uint8)
    pixels[:, :8] = pixels[:, 16:] = 255  # a dark middle square
    resized = images.resize(pixels, 12, policy)
    assert resized.shape == (12, 12, 1)
    assert resized[6, 0, 0] == edge


@pytest.mark.parametrize(
    ("policy", "box"),
    [("crop", (4, 0, 20, 8)), ("squash", (0, 0, 24, 8))],
)
def test_resizing_to_a_rectangle(policy: images.Resize, box: tuple[int, int, int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 24, 3), np.uint8)
    expected = Image.fromarray(pixels).crop(box).resize((8, 4), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(images.resize(pixels, "8x4", policy), np.asarray(expected))
    upright = pixels.transpose(1, 0, 2)
    expected = Image.fromarray(upright).crop((*box[1::-1], *box[:1:-1]))
    expected = expected.resize((4, 8), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(images.resize(upright, (4, 8), policy), np.asarray(expected))


def test_padding_to_a_rectangle() -> None:
    padded = images.resize(np.zeros((8, 24, 1), np.uint8), "12x9", "pad")
    assert padded.shape == (9, 12, 1)
    assert padded[:, 5, 0].tolist() == [255, 255, 0, 0, 0, 0, 255, 255, 255]


def test_a_rectangle_is_cut_out() -> None:
    pixels = np.arange(6 * 8, dtype=np.uint8).reshape(6, 8, 1)
    np.testing.assert_array_equal(images.cut(pixels, "4x2", 1.0, 0.5), pixels[2:4, 4:8])
    with pytest.raises(UserError, match="6×8 is smaller than the 7×2 crop"):
        images.cut(pixels.transpose(1, 0, 2), "7x2")


def test_a_grid_lays_pictures_out_in_rows() -> None:
    pictures = torch.stack([torch.full((1, 2, 2), v) for v in (-1.0, 0.0, 1.0)])
    sheet = images.grid(pictures, columns=2, padding=1)
    assert sheet.shape == (7, 7, 1)
    assert [sheet[1, 1, 0], sheet[1, 4, 0], sheet[4, 1, 0]] == [0, 128, 255]
    assert (sheet[4:6, 4:6] == 128).all()  # no fourth picture


def test_saving_in_an_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no image format"):
        images.save(torch.zeros(1, 2, 2), tmp_path / "picture.xyz")
    assert not list(tmp_path.iterdir())


def test_a_saved_picture_reads_back(tmp_path: Path) -> None:
    picture = images.to_tensor(np.arange(48, dtype=np.uint8).reshape(1, 4, 4, 3))[0]
    images.save(picture, tmp_path / "picture.png")
    np.testing.assert_array_equal(
        images.read(tmp_path / "picture.png"), images.to_uint8(picture[None])[0]
    )
