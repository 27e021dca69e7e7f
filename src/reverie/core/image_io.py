"""Conversion between image files, `uint8` arrays and tensors.

Files are decoded to `uint8` arrays [H, W, C] with C = 1 (grayscale) or 3 (RGB); networks use float
tensors [B, C, H, W] in [-1, 1]. EXIF rotation, palettes, CMYK, 16-bit depth, transparency,
animation and damaged files are handled here and nowhere else.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, UInt8
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps
from PIL.PngImagePlugin import PngInfo

from reverie.core.errors import UserError
from reverie.core.files import write_atomic
from reverie.core.image_fit import ENOUGH as ENOUGH
from reverie.core.image_fit import Fit as Fit
from reverie.core.image_fit import centre, fitted_by_reduction
from reverie.core.image_formats import SUFFIXES as SUFFIXES
from reverie.core.image_formats import ImageSource, opened, refuse_no_format
from reverie.core.image_size import ImageSize, Size
from reverie.core.image_size import Resize as Resize
from reverie.core.marks import SHEET_TEXT, own_place

if TYPE_CHECKING:  # files are read and written without PyTorch
    from torch import Tensor

SHEET_SIDE = 64


QUALITY: dict[str, dict[str, Any]] = {
    ".jpg": {"quality": 95, "subsampling": 0},
    ".jpeg": {"quality": 95, "subsampling": 0},
    ".webp": {"quality": 95},
}


def read(path: ImageSource, *, fit: Fit | None = None) -> UInt8[np.ndarray, "h w c"]:
    """Read an image: EXIF rotation applied, composited on white, 8 bits per channel.

    Args:
        path: a file, or its bytes, in any format that Pillow reads; the first frame of an
            animation.
        fit: how the image will be resized; lets large JPEGs decode much faster.

    Returns:
        Values 0 to 255; C is 1 for grayscale and 3 for RGB. 16-bit grayscale is scaled to 8 bits.
        A JPEG that `fit` made faster has the size of `fit` already; other images have their own.

    Raises:
        UserError: if the file is not an image, is damaged, or exceeds Pillow's pixel limit.
    """
    with opened(path) as image:
        fitted = None if fit is None else fitted_by_reduction(image, fit)
        if fitted is not None:
            return to_array(fitted)
        image.load()
        return to_array(ImageOps.exif_transpose(image))


def size_of(path: ImageSource) -> tuple[int, int]:
    """Width and height of an image file after EXIF rotation, read from its header alone.

    Raises:
        UserError: if the file is not an image.
    """
    with opened(path) as image:
        sideways = image.getexif().get(ExifTags.Base.Orientation, 1) >= 5
        width, height = image.size
        return (height, width) if sideways else (width, height)


def to_array(image: Image.Image) -> UInt8[np.ndarray, "h w c"]:
    """Pixels of a decoded image, composited on white, 8 bits per channel.

    Raises:
        UserError: if its pixels have no standard range.
    """
    if image.mode.startswith("I"):  # 16-bit grayscale: Pillow clips instead of scaling
        values = np.asarray(image).astype(np.float64)
        if values.min() < 0 or values.max() > 65535:
            raise UserError("32-bit pixels have no standard range; save it with 8 or 16 bits")
        return np.rint(values / 257).astype(np.uint8)[..., None]
    if image.mode == "F":
        raise UserError("floating-point pixels have no standard range; save it with 8 or 16 bits")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    if image.mode in ("1", "L", "LA", "La"):
        return np.asarray(image.convert("L"))[..., None]
    return np.asarray(image.convert("RGB"))


def is_grayscale(pixels: UInt8[np.ndarray, "h w c"]) -> bool:
    """Whether all channels are equal, also in an image stored as RGB."""
    if pixels.shape[-1] == 1:
        return True
    return bool((pixels[..., :1] == pixels).all())


def with_channels(pixels: UInt8[np.ndarray, "h w c"], channels: int) -> UInt8[np.ndarray, "h w c2"]:
    """Convert between grayscale and RGB; RGB to grayscale takes the BT.601 luma."""
    if pixels.shape[-1] == channels:
        return pixels
    if channels == 3:
        return np.repeat(pixels, 3, axis=-1)
    return np.asarray(Image.fromarray(pixels).convert("L"))[..., None]


def resize(
    pixels: UInt8[np.ndarray, "h w c"], size: ImageSize, policy: Resize = "crop"
) -> UInt8[np.ndarray, "h2 w2 c"]:
    """Resize an image by antialiased bicubic resampling, to `size` unless `policy` is ragged.

    Args:
        pixels: any size and aspect ratio.
        size: target side in pixels, or width and height.
        policy: `crop` takes the largest centred crop of the target's aspect ratio, `squash` changes
            the aspect ratio, `pad` pads with white; `width` resizes to the target's width and keeps
            the aspect ratio, `none` keeps the image unchanged. After the last two, images of the
            target's size are cropped later.
    """
    height, width, channels = pixels.shape
    target = Size.of(size)
    if (height, width) == target.shape or policy == "none":
        return pixels
    image = Image.fromarray(pixels[..., 0] if channels == 1 else pixels)
    match policy:
        case "width":
            target = Size(target.width, max(1, round(height * target.width / width)))
        case "crop":
            # Crop first: Pillow's `resize(box=...)` also filters pixels from outside the box.
            image = image.crop(centre(width, height, target))
        case "pad":
            image = ImageOps.pad(image, target, Image.Resampling.BICUBIC, color="white")
    image = image.resize(target, Image.Resampling.BICUBIC)
    return np.asarray(image).reshape(*target.shape, channels)


def cut(
    pixels: UInt8[np.ndarray, "h w c"],
    size: ImageSize,
    across: float = 0.5,
    down: float = 0.5,
    multiple: int = 1,
) -> UInt8[np.ndarray, "h2 w2 c"]:
    """Crop an image to `size`; the crop's offsets are rounded to multiples of `multiple`.

    `across` and `down` are the relative horizontal and vertical position in [0, 1].

    Raises:
        UserError: if the image is smaller than the crop.
    """
    height, width = pixels.shape[:2]
    target = Size.of(size)
    if width < target.width or height < target.height:
        raise UserError(
            f"an image of {width}×{height} is smaller than the {target} crop: "
            "use a smaller --image-size, or --resize crop."
        )
    top = round(down * (height - target.height) / multiple) * multiple
    left = round(across * (width - target.width) / multiple) * multiple
    return pixels[top : top + target.height, left : left + target.width]


def to_tensor(pixels: NDArray[Any], max_value: int = 255) -> Float[Tensor, "b c h w"]:
    """[B, H, W, C] of 0 to `max_value` becomes [B, C, H, W] of -1 to 1, channels last in memory."""
    import torch

    # Memory maps and other libraries' arrays may be read-only, of which PyTorch warns.
    kind = np.uint8 if pixels.dtype == np.uint8 else np.float32
    own = np.require(pixels, kind, requirements=["C", "W"])
    tensor = torch.from_numpy(own).permute(0, 3, 1, 2).to(torch.float32, copy=True)
    return tensor.div_(max_value / 2).sub_(1.0)


def to_uint8(images: Float[Tensor, "b c h w"]) -> UInt8[np.ndarray, "b h w c"]:
    """Convert [B, C, H, W] in [-1, 1] to [B, H, W, C] in [0, 255], rounded and clipped."""
    import torch

    values = images.detach().float().add(1.0).mul(127.5).round().clamp(0, 255)
    return values.to("cpu", torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()


def to_pixels(images: Float[Tensor, "b c h w"], dtype: type[np.unsignedinteger]) -> NDArray[Any]:
    """[B, C, H, W] of -1 to 1 becomes [B, H, W, C] of `uint8` or `uint16`, rounded and clipped."""
    if dtype is np.uint8:
        return to_uint8(images)
    max_value = np.iinfo(dtype).max
    values = images.detach().float().cpu().clamp(-1, 1).add(1).mul(max_value / 2).round()
    return values.permute(0, 2, 3, 1).numpy().astype(dtype)


def grid(
    images: Float[Tensor, "b c h w"], columns: int | None = None, padding: int = 2
) -> UInt8[np.ndarray, "h2 w2 c"]:
    """Arrange images in a grid on mid-grey; nearly square if `columns` is None."""
    pixels = to_uint8(images)
    count, height, width, channels = pixels.shape
    if count == 0:
        raise UserError("there are no images to arrange in a grid; ask for at least one.")
    columns = min(columns or math.ceil(math.sqrt(count)), count)
    rows = math.ceil(count / columns)
    sheet = np.full(
        (rows * (height + padding) + padding, columns * (width + padding) + padding, channels),
        128,
        np.uint8,
    )
    for index, image in enumerate(pixels):
        row, column = divmod(index, columns)
        top, left = padding + row * (height + padding), padding + column * (width + padding)
        sheet[top : top + height, left : left + width] = image
    return sheet


def encode(
    pixels: UInt8[np.ndarray, "h w c"],
    suffix: str = ".png",
    exif: bytes = b"",
    icc_profile: bytes | None = None,
    words: dict[str, str] | None = None,
) -> bytes:
    """Encode an image in the format of `suffix`; `words` are PNG text chunks by keyword.

    Raises:
        UserError: if there is no such format, or it cannot hold the image.
    """
    refuse_no_format(suffix)
    formats = Image.registered_extensions()
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    buffer = io.BytesIO()
    kept: dict[str, Any] = {"exif": exif} if exif else {}
    if icc_profile:
        kept["icc_profile"] = icc_profile
    if words and suffix.lower() == ".png":
        kept["pnginfo"] = PngInfo()
        for name, text in words.items():
            kept["pnginfo"].add_text(name, text)
    try:
        image.save(buffer, formats[suffix.lower()], **QUALITY.get(suffix.lower(), {}), **kept)
    except MemoryError:
        raise
    except Exception as error:  # as when reading
        raise UserError(f"the image cannot be written as {suffix} ({error}).") from None
    return buffer.getvalue()


def through_jpeg(pixels: UInt8[np.ndarray, "h w c"], quality: int) -> UInt8[np.ndarray, "h w c"]:
    """Compress and decompress an image as JPEG; `quality` is 1 to 95."""
    buffer = io.BytesIO()
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    image.save(buffer, "JPEG", quality=quality)
    with Image.open(buffer) as saved:
        return np.asarray(saved).reshape(pixels.shape)


def save(image: Float[Tensor, "c h w"], path: Path | str) -> None:
    """Write one image in [-1, 1] to a file; its suffix determines the format."""
    path = Path(path)
    write_atomic(path, encode(to_uint8(image[None])[0], path.suffix))


def save_sheet(
    images: Float[Tensor, "b c h w"], path: Path | str, columns: int | None = None
) -> None:
    """Write images in [-1, 1] as one sheet, small images magnified: see `encode_sheet`."""
    path = Path(path)
    write_atomic(path, encode_sheet(images, columns, path.suffix))


def encode_sheet(
    images: Float[Tensor, "b c h w"], columns: int | None = None, suffix: str = ".png"
) -> bytes:
    """Encode a grid; small images are magnified by an integer factor, without smoothing."""
    times = max(1, SHEET_SIDE // max(images.shape[-2:]))
    larger = images.repeat_interleave(times, 2).repeat_interleave(times, 3)
    return encode(grid(larger, columns), suffix, words=SHEET_TEXT)


def encode_gif(
    frames: Sequence[UInt8[np.ndarray, "h w c"]], milliseconds: int | list[int]
) -> bytes:
    """Encode an endlessly looping GIF; `milliseconds` is the duration of each frame."""
    stills = [Image.fromarray(p[..., 0] if p.shape[-1] == 1 else p) for p in frames]
    buffer = io.BytesIO()
    stills[0].save(
        buffer, "GIF", save_all=True, append_images=stills[1:], duration=milliseconds, loop=0
    )
    return buffer.getvalue()


def save_film(frames: Sequence[Float[Tensor, "b c h w"]], path: Path | str) -> None:
    """Write an animated GIF of image grids, and beside it a strip (.png).

    The strip has one row per image and one column per frame; it replaces no image of its name that
    is not a sheet. The last frame is shown longer.

    Raises:
        UserError: if `path` does not end in .gif.
    """
    import torch

    path = Path(path)
    if path.suffix.lower() != ".gif":
        raise UserError(
            f"a film is a .gif, not {path.suffix or 'a folder'}: name it {path.stem}.gif."
        )
    times = max(1, SHEET_SIDE // max(frames[0].shape[-2:]))
    large = (f.repeat_interleave(times, 2).repeat_interleave(times, 3) for f in frames)
    sheets = [grid(frame) for frame in large]
    write_atomic(path, encode_gif(sheets, [*[120] * (len(sheets) - 1), 1500]))
    strip = torch.stack(list(frames), dim=1).flatten(0, 1)
    save_sheet(strip, own_place(path.with_suffix(".png")), columns=len(frames))


def save_grid(
    images: Float[Tensor, "b c h w"], path: Path | str, columns: int | None = None
) -> None:
    """Write images in [-1, 1] as one grid, at their own size."""
    path = Path(path)
    write_atomic(path, encode(grid(images, columns), path.suffix, words=SHEET_TEXT))


def convert_channels(images: Float[Tensor, "b c h w"], channels: int) -> Tensor:
    """Convert between grayscale and RGB; RGB to grayscale takes the BT.601 luma."""
    if images.shape[1] == channels:
        return images
    if channels == 3:
        return images.expand(-1, 3, -1, -1)
    weights = images.new_tensor([0.299, 0.587, 0.114])[:, None, None]
    return (images * weights).sum(1, keepdim=True)


def with_luma_of(
    images: Float[Tensor, "b 3 h w"], source: Float[Tensor, "b 3 h w"]
) -> Float[Tensor, "b 3 h w"]:
    """Images with the BT.601 luma of `source`, in float32: the difference of luma is added to all
    channels, so that the differences between channels stay. Values can exceed [-1, 1].
    """
    images, source = images.float(), source.float()
    return images + (convert_channels(source, 1) - convert_channels(images, 1))
