"""Enlarging files: what they hold is kept, and what is wrong with one is said."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image

import reverie
from reverie import images
from reverie.cli.main import main
from reverie.core.errors import UserError
from reverie.data import DataOptions, ImageSpec
from reverie.evaluation.superres import evaluate_upscaler
from reverie.inference.model import Model
from reverie.inference.upscale import bicubic
from reverie.methods.presets import recipe_for
from reverie.methods.superres.degradation import downscale
from reverie.runs.model_folder import build_method, save_model

skimage_data = pytest.importorskip("skimage.data")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that does nearly what repeating pixels does."""
    place = tmp_path_factory.mktemp("models") / "x4"
    recipe = recipe_for("srresnet").with_options(network="compact", width=4, blocks=1)
    method = build_method(recipe, ImageSpec(3, 32))
    save_model(place, "srresnet", method, "a card")
    return place


@pytest.fixture
def model(folder: Path) -> Model:
    return reverie.load(folder)


@pytest.fixture
def picture() -> Image.Image:
    return Image.fromarray(skimage_data.chelsea()).resize((45, 30))


UPSCALERS = {"photos-x2": 1.0, "photos-x4": 0.9, "photos-x4-gan": 0.7, "photos-x4-large": 1.2}
"""Models of the package, and by how many dB they exceed bicubic on a part of a photograph."""


@pytest.mark.parametrize("name", UPSCALERS)
def test_a_model_of_the_package_is_closer_than_bicubic(name: str) -> None:
    model = reverie.load(name)
    scale = model.method.scale
    assert name.startswith(f"photos-x{scale}")
    target = images.to_tensor(skimage_data.astronaut()[None, :128, 160:288])
    small = downscale(target, scale)
    ours, theirs = (
        (made.clamp(-1, 1) - target).square().mean().log10()
        for made in (model.upscale(small), bicubic(small, scale))
    )
    assert 10 * (theirs - ours) > UPSCALERS[name]


def test_kinds_of_files(model: Model, picture: Image.Image, tmp_path: Path) -> None:
    there = tmp_path / "in" / "below"
    there.mkdir(parents=True)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation], exif[ExifTags.Base.Make] = 6, "me"
    picture.save(there / "turned.jpg", exif=exif, icc_profile=b"profile")
    picture.convert("L").save(there / "grey.png")
    picture.quantize(16).save(there / "palette.gif")
    deep = np.linspace(0, 65535, 45 * 30).reshape(30, 45).astype(np.uint16)
    Image.fromarray(deep).save(there / "deep.png")
    done = reverie.upscale(tmp_path / "in", out=tmp_path / "out", model=model)
    assert sorted(p.name for p in done.files) == [
        "deep.png",
        "grey.png",
        "palette.png",
        "turned.jpg",
    ]
    out = tmp_path / "out" / "below"
    with Image.open(out / "turned.jpg") as image:
        assert image.size == (120, 180)
        assert dict(image.getexif()) == {ExifTags.Base.Make: "me"}
        assert image.info["icc_profile"] == b"profile"
    with Image.open(out / "grey.png") as image:
        assert (image.mode, image.size) == ("L", (180, 120))
    with Image.open(out / "deep.png") as image:
        values = np.asarray(image).astype(np.float64)
    assert values.shape == (120, 180)
    assert len(np.unique(values)) > 1000  # not 256 of them
    small = values.reshape(30, 4, 45, 4).mean((1, 3))
    assert np.abs(small - deep).max() < 65535 * 0.01


def test_transparency(model: Model, picture: Image.Image, tmp_path: Path) -> None:
    rgba = np.asarray(picture.convert("RGBA")).copy()
    rgba[..., 3] = 200
    Image.fromarray(rgba).save(tmp_path / "even.png")
    rgba[..., 3] = np.linspace(0, 255, 45)
    Image.fromarray(rgba).save(tmp_path / "slope.png")
    rgba[..., 3] = 255
    rgba[10:20, 10:20, 3] = 0
    Image.fromarray(rgba).save(tmp_path / "hole.webp", lossless=True, exact=True)
    reverie.upscale(tmp_path, out=tmp_path / "out", model=model, precision="fp32")
    with Image.open(tmp_path / "out" / "even.png") as image:
        assert (np.asarray(image)[..., 3] == 200).all()
    with Image.open(tmp_path / "out" / "slope.png") as image:
        made = np.asarray(image).astype(float)
    expected = np.linspace(0, 255, 45).repeat(4)
    assert np.abs(made[..., 3] - expected).max() < 6
    right = np.asarray(picture)[:, 25:].repeat(4, 0).repeat(4, 1)
    assert np.abs(made[:, 100:, :3] - right).mean() < 4  # colours are not darkened by it
    with Image.open(tmp_path / "out" / "hole.webp") as image:
        alpha = np.asarray(image.convert("RGBA"))[..., 3]
    assert (alpha[44:76, 44:76] < 10).all()
    assert (alpha[:36] > 245).all()


def test_deep_colour_is_refused_not_cut(model: Model, tmp_path: Path) -> None:
    rows = b"".join(b"\0" + b"\1\2" * 24 for _ in range(8))

    def chunk(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 16, 2, 0, 0, 0))
    png += chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    (tmp_path / "deep.png").write_bytes(png)
    with pytest.raises(UserError, match="16 bits per channel would be truncated to 8"):
        reverie.upscale(tmp_path / "deep.png", out=tmp_path / "out", model=model)


@pytest.mark.parametrize("scale", [1.0, 2.5, 3.0, 6.0])
def test_any_scale(model: Model, picture: Image.Image, tmp_path: Path, scale: float) -> None:
    picture.save(tmp_path / "a.png")
    done = reverie.upscale(tmp_path / "a.png", out=tmp_path / "out", model=model, scale=scale)
    with Image.open(done.files[0]) as image:
        assert image.size == (round(45 * scale), round(30 * scale))
        back = np.asarray(image.resize((45, 30), Image.Resampling.BOX)).astype(float)
    assert np.abs(back - np.asarray(picture)).mean() < 5


def test_one_bad_file_stops_nothing(model: Model, picture: Image.Image, tmp_path: Path) -> None:
    picture.save(tmp_path / "b.png")
    Image.new("RGB", (1, 1), "red").save(tmp_path / "one.png")
    (tmp_path / "zero.png").write_bytes(b"")
    (tmp_path / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0 nothing")
    done = reverie.upscale(tmp_path, out=tmp_path / "out", model=model)
    assert [p.name for p in done.files] == ["b.png", "one.png"]
    assert len(done.failed) == 2
    with Image.open(tmp_path / "out" / "one.png") as image:
        assert image.size == (4, 4)
        assert np.asarray(image)[..., 0].min() > 200
    again = reverie.upscale(tmp_path / "b.png", out=tmp_path / "out", model=model)
    assert (again.files, len(again.skipped)) == ([], 1)
    before = (tmp_path / "out" / "b.png").stat().st_mtime_ns
    anew = reverie.upscale(
        tmp_path / "b.png", out=tmp_path / "out", model=model, existing="overwrite"
    )
    assert len(anew.files) == 1
    assert (tmp_path / "out" / "b.png").stat().st_mtime_ns > before
    with pytest.raises(UserError, match="would be replaced"):
        reverie.upscale(tmp_path / "b.png", out=tmp_path, model=model, existing="overwrite")
    with pytest.raises(UserError, match="--format is one of"):
        reverie.upscale(tmp_path / "b.png", out=tmp_path / "o", model=model, format="tga")
    jpg = reverie.upscale(tmp_path / "b.png", out=tmp_path / "out", model=model, format="jpg")
    assert jpg.files[0].suffix == ".jpg"
    with pytest.raises(UserError, match="--scale must be above 0, not 0"):
        reverie.upscale(tmp_path / "b.png", out=tmp_path / "o", model=model, scale=0)


def test_what_the_format_cannot_hold_becomes_png(
    model: Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (4100, 1)).save(tmp_path / "wide.webp")
    for _ in range(2):  # and is found there by the second call
        done = reverie.upscale(tmp_path / "wide.webp", out=tmp_path / "out", model=model)
        assert [p.name for p in [*done.files, *done.skipped]] == ["wide.png"]
    assert "wide.webp cannot hold the result" in capsys.readouterr().err


def test_a_sheet_is_no_result_that_exists(
    model: Model, picture: Image.Image, tmp_path: Path
) -> None:
    images.save_sheet(torch.zeros(2, 3, 9, 9), tmp_path / "out" / "grid.png")
    picture.save(tmp_path / "grid.png")
    done = reverie.upscale(tmp_path / "grid.png", out=tmp_path / "out", model=model)
    assert [p.name for p in done.files] == ["grid.png"]
    assert images.size_of(done.files[0]) == (180, 120)
    assert len(reverie.upscale(tmp_path / "grid.png", out=tmp_path / "out", model=model).skipped)


def test_an_image_that_is_newer_than_its_result_is_upscaled_again(
    model: Model, tmp_path: Path
) -> None:
    place, out = tmp_path / "in", tmp_path / "out"
    place.mkdir()
    Image.new("RGB", (8, 8), "red").save(place / "x.gif")
    reverie.upscale(place, out=out, model=model)
    Image.new("RGB", (8, 8), "blue").save(place / "x.png")
    again = reverie.upscale(place, out=out, model=model)
    assert {file.name for file in again.files} == {"x.png", "x.gif.png"}
    red, _, blue = Image.open(out / "x.png").convert("RGB").resize((1, 1)).getpixel((0, 0))
    assert blue > red
    assert len(reverie.upscale(place, out=out, model=model).skipped) == 2


def test_a_folder_in_the_way_stops_one_file(
    model: Model, picture: Image.Image, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in "ab":
        picture.save(tmp_path / f"{name}.png")
    (tmp_path / "out" / "a.png").mkdir(parents=True)
    files = [tmp_path / "a.png", tmp_path / "b.png"]
    done = reverie.upscale(files, out=tmp_path / "out", model=model)
    assert [p.name for p in done.files] == ["b.png"]
    assert done.exit_code == 1
    assert "Is a directory" in capsys.readouterr().err
    assert not any(p.suffix == ".part" for p in (tmp_path / "out").iterdir())


def test_the_command(folder: Path, picture: Image.Image, tmp_path: Path, capsys) -> None:
    picture.save(tmp_path / "a.png")
    assert (
        main(["upscale", str(folder), str(tmp_path / "a.png"), "--out", str(tmp_path / "o")]) == 0
    )
    assert (tmp_path / "o" / "a.png").exists()
    assert main(["upscale", str(tmp_path / "a.png"), "--out", str(tmp_path / "own")]) == 0
    with Image.open(tmp_path / "own" / "a.png") as image:  # by the network that is shipped
        assert image.size == (180, 120)
    assert main(["upscale", str(folder)]) == 2
    assert "say which images" in capsys.readouterr().err
    assert main(["upscale", "digits", str(tmp_path / "a.png")]) == 2
    assert "generates images from noise" in capsys.readouterr().err
    empty = tmp_path / "empty"
    empty.mkdir()
    assert main(["upscale", str(empty)]) == 2
    assert "no images in this folder" in capsys.readouterr().err


def test_stopping_keeps_what_is_done(
    model: Model, picture: Image.Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        picture.save(tmp_path / f"{name}.png")
    tiles = []

    def wish() -> bool:
        tiles.append(0)
        return len(tiles) == 5

    monkeypatch.setattr("reverie.core.interrupt.StopSignal.__enter__", lambda self: wish)
    done = reverie.upscale(tmp_path, out=tmp_path / "out", model=model, tile=24)
    assert done.stopped
    assert [p.name for p in done.files] == ["a.png"]  # four tiles; b's first was its last
    assert [p.name for p in (tmp_path / "out").glob("[!.]*")] == ["a.png"]


def test_bicubic_is_what_another_implementation_says(model: Model, tmp_path: Path) -> None:
    """The protocol: Pillow's bicubic both ways, NumPy's arithmetic of Y."""
    pixels = skimage_data.chelsea()[:300, :448]
    Image.fromarray(pixels).save(tmp_path / "cat.png")
    figures = evaluate_upscaler(model, DataOptions(data=str(tmp_path)))
    name = next(n for n in figures if n.startswith("bicubic_psnr"))
    assert name == "bicubic_psnr[×4, 1 image, Y, border 4]"
    small = Image.fromarray(pixels).resize((112, 75), Image.Resampling.BICUBIC)
    large = np.asarray(small.resize((448, 300), Image.Resampling.BICUBIC))

    def y(rgb: np.ndarray) -> np.ndarray:
        return np.rint(16 + rgb.astype(float) @ np.array([65.481, 128.553, 24.966]) / 255)

    error = (y(large) - y(pixels))[4:-4, 4:-4]
    assert figures[name] == pytest.approx(10 * np.log10(255**2 / (error**2).mean()), abs=0.05)


def test_too_small_to_be_compared(model: Model, tmp_path: Path) -> None:
    Image.new("RGB", (40, 90)).save(tmp_path / "a.png")
    with pytest.raises(UserError, match="too small to be downscaled"):
        evaluate_upscaler(model, DataOptions(data=str(tmp_path)))


def test_large_pictures_stay_in_bounds(model: Model, tmp_path: Path) -> None:
    """Tiles give what the whole gives, files and all."""
    pixels = np.asarray(Image.fromarray(skimage_data.coffee()).resize((150, 100)))
    Image.fromarray(pixels).save(tmp_path / "a.png")
    made = []
    for tile in (None, 32):
        out = tmp_path / str(tile)
        reverie.upscale(tmp_path / "a.png", out=out, model=model, tile=tile, precision="fp32")
        with Image.open(out / "a.png") as image:
            made.append(np.asarray(image).astype(int))
    assert np.abs(made[0] - made[1]).max() <= 1  # a rounding at most
