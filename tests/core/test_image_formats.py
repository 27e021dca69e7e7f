"""Only known formats and regular files are opened; what is wrong becomes one sentence."""

import io
import os
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reverie.core.errors import UserError
from reverie.core.image_file import encode_image_file, holdable_suffix, read_image_file
from reverie.core.image_formats import FORMATS, SUFFIXES, opened
from reverie.core.image_io import read, size_of
from tests.core.test_image_file import exif
from tests.fuzzing import assert_only_user_errors, damaged_bytes, rounds

READERS = {"read": read, "read_image_file": read_image_file, "size_of": size_of}
PIXELS = np.random.default_rng(0).integers(0, 256, (9, 11, 3), np.uint8)


def encoded(format: str, mode: str = "RGB", **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).convert(mode).save(buffer, format, **options)
    return buffer.getvalue()


SAMPLES = {
    "png": encoded("PNG", exif=exif(Artist="me")),
    "palette.png": encoded("PNG", "P", transparency=3),
    "jpg": encoded("JPEG", exif=exif(Orientation=6, Make="me"), progressive=True),
    "cmyk.jpg": encoded("JPEG", "CMYK"),
    "gif": encoded("GIF"),
    "webp": encoded("WEBP", "RGBA", lossless=True),
    "bmp": encoded("BMP"),
    "tif": encoded("TIFF", tiffinfo={270: "words"}),
    "lzw.tif": encoded("TIFF", compression="tiff_lzw"),
    "cmyk.tif": encoded("TIFF", "CMYK"),
    "avif": encoded("AVIF"),
    "ppm": encoded("PPM"),
    "jp2": encoded("JPEG2000"),
    "tga": encoded("TGA", compression="tga_rle"),
}


def test_every_format_has_a_sample() -> None:
    kinds = {Image.open(io.BytesIO(content)).format for content in SAMPLES.values()}
    assert kinds == set(FORMATS) - {"HEIF"}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", SAMPLES)
def test_whole_files_are_read(tmp_path: Path, kind: str, reader: str) -> None:
    path = tmp_path / f"a.{kind}"
    path.write_bytes(SAMPLES[kind])
    assert path.suffix in SUFFIXES
    READERS[reader](path)


class NamingTheFile(UserError):
    """Whoever reads the sentence knows which file is meant."""


def named_errors(reader: Callable[[Path], object], path: Path) -> None:
    try:
        reader(path)
    except UserError as error:
        if str(path) not in str(error):
            raise AssertionError("no file is named") from error
        raise NamingTheFile(str(error)) from None


@rounds(40, 1500)
@pytest.mark.parametrize("kind", SAMPLES)
def test_damaged_files_are_one_sentence(tmp_path: Path, kind: str, count: int, seed: int) -> None:
    path = tmp_path / f"a.{kind}"

    def read_all(content: bytes) -> None:
        path.write_bytes(content)
        for reader in READERS.values():
            with suppress(NamingTheFile):
                named_errors(reader, path)
        image = read_image_file(path)
        encode_image_file(image, holdable_suffix(path.suffix, image))

    def inputs() -> Iterator[bytes]:
        yield from (SAMPLES[kind][:n] for n in range(0, len(SAMPLES[kind]), 1 + 2000 // count))
        yield from damaged_bytes(SAMPLES[kind], count, seed)

    assert_only_user_errors(read_all, inputs())


def png_of_size(width: int, height: int) -> bytes:
    """A PNG file that claims a size and has no pixels."""
    whole = bytearray(encoded("PNG"))
    whole[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    whole[29:33] = zlib.crc32(whole[12:29]).to_bytes(4, "big")
    return bytes(whole)


def test_a_bomb_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.png"

    def check(size: tuple[int, int]) -> None:
        path.write_bytes(png_of_size(*size))
        for reader in (read, read_image_file):
            with pytest.raises(UserError, match=r"a\.png: (it claims more|.*memory|.*damaged)"):
                reader(path)

    sizes = [(60_000, 60_000), (13_000, 13_000), (2**31 - 1, 1), (1, 2**31 - 1)]
    assert_only_user_errors(check, sizes, memory=2**28, seconds=5)


@pytest.mark.parametrize("reader", READERS)
def test_a_pipe_is_not_waited_for(tmp_path: Path, reader: str) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "dead.png").symlink_to("nowhere.png")
    (tmp_path / "loop.png").symlink_to("loop.png")
    (tmp_path / "empty.png").write_bytes(b"")
    for name, reason in {
        "pipe": "a pipe or a device",
        "folder": "a folder",
        "dead": "leads to nothing",
        "loop": "cannot be read",
        "none": "there is no such file",
        "empty": "not an image",
    }.items():
        with pytest.raises(UserError, match=rf"{name}\.png: .*{reason}"):
            READERS[reader](tmp_path / f"{name}.png")


def test_a_device_is_not_read() -> None:
    with pytest.raises(UserError, match="/dev/zero: this is a pipe or a device"):
        read("/dev/zero")


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read every file")
def test_a_file_without_permission(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(SAMPLES["png"])
    path.chmod(0)
    with pytest.raises(UserError, match=r"a\.png: it cannot be read \(Permission denied\)"):
        read(path)


def test_a_file_without_permission_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.png").write_bytes(SAMPLES["png"])

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Image, "open", refuse)
    with pytest.raises(UserError, match=r"a\.png: it cannot be read \(Permission denied\)"):
        read(tmp_path / "a.png")


@pytest.mark.parametrize("format", ["EPS", "ICO", "PCX", "SGI", "PDF"])
def test_other_formats_are_refused_by_any_name(tmp_path: Path, format: str) -> None:
    """EPS starts Ghostscript; the others are formats that nobody means."""
    for name in ("a.png", f"a.{format.lower()}"):
        (tmp_path / name).write_bytes(encoded(format))
        with pytest.raises(UserError, match="not an image of a format that is read"):
            read(tmp_path / name)


def test_errors_of_the_body_name_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(SAMPLES["png"])
    with pytest.raises(UserError, match=r"a\.png: too dark"), opened(tmp_path / "a.png"):
        raise UserError("too dark")


def test_heic_is_named_where_it_cannot_be_read(tmp_path: Path) -> None:
    if "HEIF" in FORMATS:
        pytest.skip("pillow-heif is installed")
    (tmp_path / "a.HEIC").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    with pytest.raises(UserError, match=r"pip install 'reverie\[heif\]'"):
        read(tmp_path / "a.HEIC")


STAND_IN = """
from PIL import Image, ImageFile
class HeifImageFile(ImageFile.ImageFile):
    format = "HEIF"
    def _open(self):
        self._size, self._mode = (3, 2), "RGB"
        self.tile = [("raw", (0, 0, 3, 2), 12, ("RGB", 0, 1))]
def register_heif_opener():
    Image.register_open("HEIF", HeifImageFile, lambda prefix: prefix[4:12] == b"ftypheic")
"""


def test_heic_is_read_where_its_package_is(tmp_path: Path, environment: dict[str, str]) -> None:
    """A stand-in for pillow-heif, with its one function that is called."""
    if "HEIF" in FORMATS:
        pytest.skip("pillow-heif is installed")
    (tmp_path / "pillow_heif.py").write_text(STAND_IN)
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(range(18)))
    code = (
        "from pathlib import Path; from reverie.core.image_file import read_image_file\n"
        "from reverie.core.image_folder import scan_folder\n"
        f"here = Path({str(tmp_path)!r})\n"
        "print(scan_folder(here).images[0].name, read_image_file(here / 'a.heic').colour.ravel())"
    )
    path = os.pathsep.join([str(tmp_path), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("a.heic [ 0  1  2  3")


def test_the_bytes_of_a_file_are_read_like_the_file(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    Image.new("RGBA", (5, 3), (10, 20, 30, 40)).save(file)
    content = io.BytesIO(file.read_bytes())
    assert (read(content) == read(file)).all()
    assert size_of(content) == (5, 3)
    one, other = read_image_file(content), read_image_file(file)
    assert (one.colour == other.colour).all()
    assert one.alpha is not None
    assert (one.alpha == other.alpha).all()
    for damaged in (b"", b"no image", content.getvalue()[:40]):
        with pytest.raises(UserError, match="the image: "):
            read(io.BytesIO(damaged))
