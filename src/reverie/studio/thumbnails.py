"""Small copies of images, made when they are first asked for."""

import contextlib
import hashlib
import io
from pathlib import Path

from PIL import Image, ImageDraw, ImageOps

from reverie.core.errors import UserError
from reverie.core.files import write_atomic
from reverie.core.image_formats import opened

SIDES = (128, 256, 512, 1024)
MOST_PIXELS = 200_000_000


def placeholder(side: int) -> bytes:
    """A WebP image, grey with a cross, that stands for an image that cannot be shown."""
    image = Image.new("L", (side, side), 232)
    draw, edge = ImageDraw.Draw(image), side // 3
    for ends in ((edge, edge, side - edge, side - edge), (edge, side - edge, side - edge, edge)):
        draw.line(ends, fill=160, width=max(1, side // 32))
    content = io.BytesIO()
    image.save(content, "WEBP", lossless=True)
    return content.getvalue()


def key_of(path: Path, side: int) -> str:
    """A name that changes whenever the image at `path` does, or the side."""
    facts = path.stat()
    key = f"{path}\0{facts.st_mtime_ns}\0{facts.st_size}\0{side}"
    return hashlib.sha256(key.encode(errors="surrogateescape")).hexdigest()[:32]


def thumbnail(path: Path, side: int, cache: Path) -> bytes:
    """A WebP image of the image whose longer side is at most `side` pixels.

    It is computed again when the image changes, and kept in `cache` where there is space.

    Raises:
        UserError: if the file is no image, is damaged or too large.
    """
    name = key_of(path, side)
    small = cache / name[:2] / f"{name}.webp"
    with contextlib.suppress(OSError):
        return small.read_bytes()
    with opened(path) as image:
        if image.width * image.height > MOST_PIXELS:
            raise UserError(f"{path.name} has more than {MOST_PIXELS / 1e6:.0f} megapixels.")
        image.draft("RGB", (2 * side, 2 * side))
        image.load()
        shown = ImageOps.exif_transpose(image)
        if shown.mode not in ("RGB", "RGBA", "L"):
            shown = shown.convert("RGBA" if shown.has_transparency_data else "RGB")
        nearest = max(shown.size) < side  # small images are enlarged by the page, pixel by pixel
        if not nearest:
            shown.thumbnail((side, side), Image.Resampling.LANCZOS)
        content = io.BytesIO()
        shown.save(content, "WEBP", lossless=nearest, quality=88)
    with contextlib.suppress(OSError):  # shown all the same on a full disk
        write_atomic(small, content.getvalue())
    return content.getvalue()
