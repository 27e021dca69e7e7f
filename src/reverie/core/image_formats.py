"""The image formats that are read, and how a file in one of them is opened.

Every image file goes through `opened`: only the formats of `FORMATS`, only regular files, and
whatever Pillow's decoders raise on a damaged file becomes one sentence that names the file.
"""

import importlib
import importlib.util
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from reverie.core.errors import UserError

FORMATS = {
    "PNG": [".png"],
    "JPEG": [".jpg", ".jpeg"],
    "WEBP": [".webp"],
    "BMP": [".bmp"],
    "GIF": [".gif"],
    "TIFF": [".tif", ".tiff"],
    "AVIF": [".avif"],
    "PPM": [".ppm", ".pgm"],
    "JPEG2000": [".jp2"],
    "TGA": [".tga"],
}
"""The formats of Pillow that are read, whatever a file is called, with their suffixes. Others are
refused: EPS, for one, starts Ghostscript."""


HEIF_SUFFIXES = frozenset([".heic", ".heif"])
INSTALL_HEIF = "HEIC, which is read where pillow-heif is installed: pip install 'reverie[heif]'"


if importlib.util.find_spec("pillow_heif") is not None:  # which is imported when it is needed
    FORMATS["HEIF"] = sorted(HEIF_SUFFIXES)


SUFFIXES = frozenset(suffix for suffixes in FORMATS.values() for suffix in suffixes)


WRITABLE = frozenset([".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"])
"""The suffixes of results, which keep what an image file holds besides its pixels."""


ImageSource = Path | str | io.BytesIO
"""An image file, or the bytes of one."""


class NamedBytes(io.BytesIO):
    """The bytes of an image file, and what messages call it."""

    def __init__(self, content: bytes, name: str) -> None:
        super().__init__(content)
        self.name = name


class ImageTooLarge(UserError):
    """An image has more pixels than are decoded."""


def refuse_no_format(suffix: str) -> None:
    """Raise a UserError if Pillow writes no images with this suffix."""
    if suffix.lower() not in Image.registered_extensions():
        raise UserError(f"no image format has the suffix {suffix!r}; use .png, .jpg or .webp.")


def suffix_of_format(format: str | None) -> str | None:
    """The suffix of a format of results; None for none.

    Raises:
        UserError: if no results are written in it.
    """
    if format is None:
        return None
    suffix = "." + format.lower().lstrip(".")
    if suffix not in WRITABLE:
        known = ", ".join(sorted(s[1:] for s in WRITABLE))
        raise UserError(f"--format is one of {known}, not {format}.")
    return suffix


@contextmanager
def opened(source: ImageSource) -> Iterator[Image.Image]:
    """An image file in one of `FORMATS`, for a body that decodes it and does nothing else.

    Raises:
        ImageTooLarge: if the file exceeds Pillow's pixel limit.
        UserError: if the file is not an image, or is damaged; errors of the body are made one that
            names the file.
    """
    if isinstance(source, io.BytesIO):
        source.seek(0)
        path, suffix = getattr(source, "name", "the image"), ""
    else:
        refuse_other_than_a_file(Path(source))
        path, suffix = source, Path(source).suffix.lower()
    try:
        _register_heif()
        with Image.open(source, formats=list(FORMATS)) as image:
            yield image
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    except UnidentifiedImageError:
        needs = INSTALL_HEIF if suffix in HEIF_SUFFIXES - SUFFIXES else ""
        raise UserError(
            f"{path}: this is {needs}." if needs else
            f"{path}: this is not an image of a format that is read; remove it or convert it to "
            "PNG."
        ) from None  # fmt: skip
    except Image.DecompressionBombError:
        raise ImageTooLarge(
            f"{path}: it claims more than {2 * (Image.MAX_IMAGE_PIXELS or 0) // 10**6} megapixels; "
            "reduce its size if it is really an image."
        ) from None
    except MemoryError:
        raise UserError(f"{path}: it does not fit into memory.") from None
    except PermissionError as error:
        raise UserError(f"{path}: it cannot be read ({error.strerror}).") from None
    except Exception as error:  # Pillow's decoders raise nearly everything on damaged files
        raise UserError(f"{path}: the image is damaged ({error}); replace or remove it.") from None


def refuse_other_than_a_file(path: Path) -> None:
    """Refuse pipes, devices and links to nothing: opening one could wait for ever.

    Raises:
        UserError: if `path` is not a file.
    """
    try:
        found = os.stat(path)
    except FileNotFoundError:
        missing = "this link leads to nothing" if path.is_symlink() else "there is no such file"
        raise UserError(f"{path}: {missing}.") from None
    except OSError as error:
        raise UserError(f"{path}: it cannot be read ({error.strerror}).") from None
    if not stat.S_ISREG(found.st_mode):
        kind = "a folder" if stat.S_ISDIR(found.st_mode) else "a pipe or a device"
        raise UserError(f"{path}: this is {kind}, not an image file.")


@cache
def _register_heif() -> None:
    if "HEIF" in FORMATS:
        importlib.import_module("pillow_heif").register_heif_opener()
