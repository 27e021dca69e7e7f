"""Image files with alpha channel, 16-bit depth, EXIF and ICC profile.

Used to convert a file to another file; `image_io.read` returns the 8-bit pixels that networks use.
"""

import io
import math
from dataclasses import dataclass, replace

import numpy as np
from PIL import ExifTags, Image, ImageOps

from reverie.core import image_io, progress
from reverie.core.errors import UserError
from reverie.core.image_formats import WRITABLE, ImageSource, opened

SIXTEEN_BITS = frozenset([".png", ".tif", ".tiff"])


WITH_ALPHA = frozenset([".png", ".webp", ".tif", ".tiff"])


LARGEST_SIDE = {".webp": 16383, ".jpg": 65500, ".jpeg": 65500}
"""Pixels; the second is libjpeg's own limit, a little below the format's 65535."""


LARGEST_EXIF = {".jpg": 65533, ".jpeg": 65533}
"""Bytes."""


BITS_PER_SAMPLE = 258


STRUCTURAL_TAGS = frozenset(
    [
        *range(254, 267), *range(273, 274), *range(277, 282), 284, *range(288, 294), 301,
        *range(317, 348), *range(512, 522), *range(529, 531), 532, 700, 34377, 34675,
    ]
)  # fmt: skip
"""Tags of TIFF that say how the pixels of a file are stored (and XMP, Photoshop's resources and the
colour profile, which is kept by itself): true of the file that was read, not of one written."""


PNG_COLOURS = {2: "RGB", 6: "RGBA", 4: "grayscale with alpha"}


@dataclass(frozen=True)
class ImageFile:
    """Decoded image file: pixels, alpha channel and metadata, EXIF rotation applied.

    `colour` is `uint8` or `uint16` [H, W, C] with C = 1 (grayscale) or 3 (RGB), straight
    (unpremultiplied) with respect to `alpha` [H, W], which is None for opaque images.
    """

    colour: np.ndarray
    alpha: np.ndarray | None = None
    exif: bytes = b""
    icc_profile: bytes | None = None

    @property
    def max_value(self) -> int:
        """Largest value of the dtype (white): 255 or 65535."""
        return int(np.iinfo(self.colour.dtype).max)


def resampled(pixels: np.ndarray, height: int, width: int, dtype: type) -> np.ndarray:
    """Pixels [H, W, C] at another size, by antialiased bicubic resampling in float32.

    One channel follows the other, to spare memory; the values are scaled to the range of `dtype`.
    """
    white = np.iinfo(dtype).max
    ratio = white / np.iinfo(pixels.dtype).max
    channels = []
    for channel in range(pixels.shape[-1]):
        plane = Image.fromarray(pixels[..., channel].astype(np.float32))
        values = np.asarray(plane.resize((width, height), Image.Resampling.BICUBIC)) * ratio
        channels.append(np.clip(values.round(), 0, white).astype(dtype))
    return np.stack(channels, axis=-1)


def resized(image: ImageFile, height: int, width: int) -> ImageFile:
    """The image file at another size; metadata is kept."""
    dtype = image.colour.dtype.type
    colour, alpha = resampled(image.colour, height, width, dtype), image.alpha
    if alpha is not None:
        alpha = resampled(alpha[..., None], height, width, dtype)[..., 0]
    return replace(image, colour=colour, alpha=alpha)


def read_image_file(path: ImageSource) -> ImageFile:
    """Read an image file, or the bytes of one, with alpha channel, bit depth, EXIF and ICC profile.

    Raises:
        UserError: if it is not an image, is damaged, or has several channels of 16 bits, which
            Pillow would silently truncate to 8.
    """
    with opened(path) as image:
        _refuse_deep_colour(path, image)
        image.load()
        upright = ImageOps.exif_transpose(image)
        plain = image_io.to_array(upright)
        kept = _metadata(path, image)
        profile = image.info.get("icc_profile")
        if upright.mode.startswith("I"):
            colour = np.asarray(upright).astype(np.uint16)[..., None]
            return ImageFile(colour, None, kept, profile)
        if not upright.has_transparency_data:
            fits = image.mode in (("RGB", "P") if plain.shape[-1] == 3 else ("L", "1"))
            return ImageFile(plain, None, kept, profile if fits else None)
        grey = upright.mode in ("LA", "La")
        both = np.asarray(upright.convert("LA" if grey else "RGBA"))
        return ImageFile(both[..., :-1], both[..., -1], kept, profile)


def _metadata(path: ImageSource, image: Image.Image) -> bytes:
    """The EXIF of an image file, as it holds for any file of the same image upright."""
    exif = image.getexif()
    exif.pop(ExifTags.Base.Orientation, None)
    for tag in STRUCTURAL_TAGS & exif.keys():
        del exif[tag]
    try:
        return exif.tobytes() if len(exif) else b""
    except Exception as error:  # values that do not have their tag's type
        name = "the image" if isinstance(path, io.BytesIO) else path
        progress.warn(f"{name}: its metadata is damaged ({error}) and is not kept.")
        return b""


def _refuse_deep_colour(path: ImageSource, image: Image.Image) -> None:
    deep = None
    if image.format == "PNG":
        header = _head(path)
        if header[24] == 16:
            deep = PNG_COLOURS.get(header[25])
    elif image.format == "TIFF":
        bits = image.tag_v2.get(BITS_PER_SAMPLE, (8,))  # type: ignore[attr-defined]
        if len(bits) > 1 and max(bits) > 8:
            deep = "colour"
    if deep is not None:
        raise UserError(
            f"{deep} of 16 bits per channel would be truncated to 8: save it with 8 bits, or each "
            "channel as a 16-bit grayscale image."
        )


def _head(path: ImageSource) -> bytes:
    """The signature and the header chunk of a PNG."""
    if isinstance(path, io.BytesIO):
        return path.getvalue()[:26]
    with open(path, "rb") as file:
        return file.read(26)


def encode_image_file(image: ImageFile, suffix: str, words: dict[str, str] | None = None) -> bytes:
    """Encode an image file in the format of `suffix`.

    Args:
        image: pixels and metadata.
        suffix: one of `WRITABLE`.
        words: text chunks by keyword, written to PNG only.

    Raises:
        UserError: if the format does not support the bit depth, the alpha channel or the size.
    """
    suffix = suffix.lower()
    if suffix not in WRITABLE:
        raise UserError(f"images are written as {', '.join(sorted(WRITABLE))}, not {suffix!r}.")
    colour = image.colour
    if colour.dtype == np.uint16 and suffix not in SIXTEEN_BITS:
        raise UserError(f"{suffix} does not support 16 bits: use --format png or tif.")
    if max(colour.shape[:2]) > LARGEST_SIDE.get(suffix, math.inf):
        raise UserError(
            f"{suffix} holds {LARGEST_SIDE[suffix]:,} pixels a side at most, not "
            f"{colour.shape[1]:,}×{colour.shape[0]:,}: use --format png or tif."
        )
    if image.alpha is not None:
        if suffix not in WITH_ALPHA:
            raise UserError(f"{suffix} does not support transparency: use --format png or webp.")
        colour = np.concatenate([colour, image.alpha[..., None]], axis=-1)
    return image_io.encode(colour, suffix, image.exif, image.icc_profile, words)


def holdable_suffix(suffix: str, image: ImageFile) -> str:
    """The suffix, or `.png` where its format cannot hold the transparency, depth, size or metadata
    of an image."""
    suffix = suffix.lower()
    lacks_alpha = image.alpha is not None and suffix not in WITH_ALPHA
    lacks_depth = image.colour.dtype == np.uint16 and suffix not in SIXTEEN_BITS
    too_large = max(image.colour.shape[:2]) > LARGEST_SIDE.get(suffix, math.inf)
    too_long = len(image.exif) > LARGEST_EXIF.get(suffix, math.inf)
    fits = not (lacks_alpha or lacks_depth or too_large or too_long)
    return suffix if suffix in WRITABLE and fits else ".png"
