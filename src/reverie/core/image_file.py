"""Picture files read and written with all that they hold: transparency, 16 bits, EXIF, profiles.

`images.read` gives what a network is trained on; this is for making another file of a file.
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


PNG_COLOURS = {2: "RGB", 6: "RGBA", 4: "grey with transparency"}


@dataclass(frozen=True)
class ImageFile:
    """A picture upright, `uint8` or `uint16`, and what its file says beside the pixels.

    `colour` is [H, W, C] with C = 1 (grey) or 3, not multiplied by `alpha` [H, W], which is None
    where nothing is transparent.
    """

    colour: np.ndarray
    alpha: np.ndarray | None = None
    exif: bytes = b""
    icc_profile: bytes | None = None

    @property
    def max_value(self) -> int:
        """The value of white."""
        return int(np.iinfo(self.colour.dtype).max)


def read_image_file(path: Path) -> ImageFile:
    """Read a picture with everything.

    Raises:
        UserError: if it is no picture, is broken, or has 16 bits in each of several colours, of
            which Pillow would silently drop eight.
    """
    plain = image_io.read(path)  # says what is wrong with a broken one
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
            f"{path}: {deep} of 16 bits each would be cut to 8: save it with 8 bits, or each "
            "channel as a grey picture of 16."
        )


def encode_image_file(image: ImageFile, suffix: str, words: dict[str, str] | None = None) -> bytes:
    """The bytes of a file in the format that `suffix` names; PNG also holds `words` by name.

    Raises:
        UserError: if the format cannot hold what the picture has.
    """
    suffix = suffix.lower()
    if suffix not in WRITABLE:
        raise UserError(f"pictures are written as {', '.join(sorted(WRITABLE))}, not {suffix!r}.")
    colour = image.colour
    if colour.dtype == np.uint16:
        if suffix not in SIXTEEN_BITS:
            raise UserError(f"{suffix} has no 16 bits: use --format png or tif.")
        buffer = io.BytesIO()
        kept = {"exif": image.exif} if image.exif else {}
        grey = Image.fromarray(colour[..., 0])
        grey.save(buffer, Image.registered_extensions()[suffix], **kept)
        return buffer.getvalue()
    if image.alpha is not None:
        if suffix not in WITH_ALPHA:
            raise UserError(f"{suffix} has no transparency: use --format png or webp.")
        colour = np.concatenate([colour, image.alpha[..., None]], axis=-1)
    return image_io.encode(colour, suffix, image.exif, image.icc_profile, words)


def holdable_suffix(suffix: str, image: ImageFile) -> str:
    """The suffix, or `.png` where its format cannot hold the transparency or depth of an image."""
    suffix = suffix.lower()
    lacks_alpha = image.alpha is not None and suffix not in WITH_ALPHA
    lacks_depth = image.colour.dtype == np.uint16 and suffix not in SIXTEEN_BITS
    return ".png" if suffix not in WRITABLE or lacks_alpha or lacks_depth else suffix
