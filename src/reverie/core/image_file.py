"""Image files with alpha channel, 16-bit depth, EXIF and ICC profile.

Used to convert a file to another file; `image_io.read` returns the 8-bit pixels that networks use.
"""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps

from reverie.core import image_io
from reverie.core.errors import UserError

SIXTEEN_BITS = frozenset([".png", ".tif", ".tiff"])


WITH_ALPHA = frozenset([".png", ".webp", ".tif", ".tiff"])


WRITABLE = frozenset([".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"])


BITS_PER_SAMPLE = 258


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


def read_image_file(path: Path) -> ImageFile:
    """Read an image file with alpha channel, bit depth, EXIF and ICC profile.

    Raises:
        UserError: if it is not an image, is damaged, or has several channels of 16 bits, which
            Pillow would silently truncate to 8.
    """
    plain = image_io.read(path)  # raises a UserError for damaged files
    with Image.open(path) as image:
        _refuse_deep_colour(path, image)
        upright = ImageOps.exif_transpose(image)
        exif = image.getexif()
        exif.pop(ExifTags.Base.Orientation, None)
        kept = exif.tobytes() if len(exif) else b""
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


def _refuse_deep_colour(path: Path, image: Image.Image) -> None:
    deep = None
    if image.format == "PNG":
        with open(path, "rb") as file:
            header = file.read(26)
        if header[24] == 16:
            deep = PNG_COLOURS.get(header[25])
    elif image.format == "TIFF":
        bits = image.tag_v2.get(BITS_PER_SAMPLE, (8,))  # type: ignore[attr-defined]
        if len(bits) > 1 and max(bits) > 8:
            deep = "colour"
    if deep is not None:
        raise UserError(
            f"{path}: {deep} of 16 bits per channel would be truncated to 8: save it with 8 bits, "
            "or each channel as a 16-bit grayscale image."
        )


def encode_image_file(image: ImageFile, suffix: str, words: dict[str, str] | None = None) -> bytes:
    """Encode an image file in the format of `suffix`.

    Args:
        image: pixels and metadata.
        suffix: one of `WRITABLE`.
        words: text chunks by keyword, written to PNG only.

    Raises:
        UserError: if the format does not support the bit depth or the alpha channel.
    """
    suffix = suffix.lower()
    if suffix not in WRITABLE:
        raise UserError(f"images are written as {', '.join(sorted(WRITABLE))}, not {suffix!r}.")
    colour = image.colour
    if colour.dtype == np.uint16:
        if suffix not in SIXTEEN_BITS:
            raise UserError(f"{suffix} does not support 16 bits: use --format png or tif.")
        buffer = io.BytesIO()
        kept = {"exif": image.exif} if image.exif else {}
        kept |= {"icc_profile": image.icc_profile} if image.icc_profile else {}
        grey = Image.fromarray(colour[..., 0])
        grey.save(buffer, Image.registered_extensions()[suffix], **kept)
        return buffer.getvalue()
    if image.alpha is not None:
        if suffix not in WITH_ALPHA:
            raise UserError(f"{suffix} does not support transparency: use --format png or webp.")
        colour = np.concatenate([colour, image.alpha[..., None]], axis=-1)
    return image_io.encode(colour, suffix, image.exif, image.icc_profile, words)


def holdable_suffix(suffix: str, image: ImageFile) -> str:
    """The suffix, or `.png` where its format cannot hold the transparency or depth of an image."""
    suffix = suffix.lower()
    lacks_alpha = image.alpha is not None and suffix not in WITH_ALPHA
    lacks_depth = image.colour.dtype == np.uint16 and suffix not in SIXTEEN_BITS
    return ".png" if suffix not in WRITABLE or lacks_alpha or lacks_depth else suffix
