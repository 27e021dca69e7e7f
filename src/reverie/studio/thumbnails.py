"""Small copies of images, made when they are first asked for."""

import hashlib
import io
from pathlib import Path

from PIL import Image, ImageOps

from reverie.core.errors import UserError
from reverie.core.files import write_atomic
from reverie.core.image_formats import opened

SIDES = (128, 256, 512, 1024)
MOST_PIXELS = 200_000_000


def thumbnail(path: Path, side: int, cache: Path) -> Path:
    """A WebP file of the image whose longer side is at most `side` pixels.

    It is made anew when the image changes.

    Raises:
        UserError: if the file is no image, is damaged or too large.
    """
    facts = path.stat()
    key = f"{path}\0{facts.st_mtime_ns}\0{facts.st_size}\0{side}"
    name = hashlib.sha256(key.encode(errors="surrogateescape")).hexdigest()[:32]
    small = cache / name[:2] / f"{name}.webp"
    if small.is_file():
        return small
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
    write_atomic(small, content.getvalue())
    return small
