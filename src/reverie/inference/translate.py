"""Translate image files and folders, and show them before and after."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from reverie.core import image_io, progress
from reverie.core.errors import UserError
from reverie.core.files import write_atomic
from reverie.core.html import data_uri, page, text
from reverie.core.image_file import ImageFile, read_image_file, resized
from reverie.core.image_io import convert_channels, with_luma_of
from reverie.core.marks import own_place
from reverie.core.options import Direction
from reverie.core.outputs import Output, OutputPlan, plan_outputs
from reverie.core.result import FAILED_IN_PART, Json, Result, counted
from reverie.data.derived import derive
from reverie.inference.model import Model
from reverie.inference.options import TranslateOptions
from reverie.inference.tiling import images_at_once, is_out_of_memory
from reverie.methods.capabilities import Translates, require

SHOWN = 100


SHOWN_SIDE = 256


IN_SHEET = 12


@dataclass(frozen=True)
class TranslateResult(Result):
    """The files that were written, what is wrong with the others, a sheet and a page of all."""

    files: list[Path]
    failed: dict[str, str]
    sheet: Path
    page: Path

    def to_json(self) -> dict[str, Json]:
        return {"count": len(self.files)} | super().to_json()

    @property
    def exit_code(self) -> int:
        return FAILED_IN_PART if self.failed else 0

    def summary(self) -> str:
        left_out = f", {len(self.failed)} left out" if self.failed else ""
        return f"{counted(len(self.files), 'image')}{left_out}: {self.page}"


def translate_files(
    model: Model, paths: Sequence[Path], out: Path, options: TranslateOptions
) -> TranslateResult:
    """Translate files and folders into `out`; one bad file does not stop the others.

    Rotation, transparency, EXIF and colour profile are kept, the 16 bits of grayscale, and the
    size unless `options.size` is that of the training. A model that keeps the luma generates the
    colours of large images at its training's size. Formats that cannot be written become PNG.

    Raises:
        UserError: if nothing could be translated, or the model cannot do what is asked.
    """
    directions = require(model.method, Translates, model.name).directions
    back: Direction = "ba" if options.direction == "ab" else "ab"
    returns = back in directions and options.cycle != "none"
    plan = plan_outputs(paths, out)
    written: list[Path] = []
    rows: list[tuple[str, list[np.ndarray]]] = []
    for batch in _batches(model, plan, options):
        translated = None
        for number, one in enumerate(batch):
            with plan.failures.of(one.output.source), _memory_is_enough(one.output.source):
                if translated is None:
                    sources = torch.cat([each.source for each in batch])
                    translated = _translated(model, sources, options.direction, options)
                made = _enlarged(translated[number : number + 1], one.image)
                written.append(plan.write(one.output, _as_file(made, one.image)))
                if len(rows) < SHOWN:
                    whole = made.shape == one.source.shape
                    shown = [one.source if whole else _input(one.image, options), made]
                    if returns and (options.cycle == "all" or len(rows) < IN_SHEET):
                        shown.append(_translated(model, made, back, options))
                    small = [_small(image_io.to_uint8(x)[0]) for x in shown]
                    rows.append((str(one.output.relative), small))
    failed = plan.failures.reasons
    if not written:
        raise plan.failures.refuse(len(failed), "translated")
    plan.failures.report()
    sheet, page_file = own_place(out / "before-after.png"), own_place(out / "index.html")
    _write_sheet([row for _, row in rows[:IN_SHEET]], sheet)
    write_atomic(page_file, _page(model.name, options.direction, rows, returns))
    return TranslateResult(written, failed, sheet, page_file)


@dataclass(frozen=True)
class _Read:
    """An image that was read, and what the network is given of it."""

    output: Output
    image: ImageFile
    source: Float[Tensor, "1 c h w"]


def _batches(model: Model, plan: OutputPlan, options: TranslateOptions) -> Iterator[list[_Read]]:
    """The images that can be read, in order: those of one size that are translated together."""
    batch: list[_Read] = []
    for output in progress.track(plan.outputs, len(plan.outputs), "translating"):
        read = None
        with plan.failures.of(output.source), _memory_is_enough(output.source):
            read = _Read(output, *_prepared(model, read_image_file(output.source), options))
        if read is None:
            continue
        shape = read.source.shape
        if batch and (shape != batch[0].source.shape or len(batch) == images_at_once(shape)):
            yield batch
            batch = []
        batch.append(read)
    if batch:
        yield batch


def translate_image(model: Model, image: ImageFile, options: TranslateOptions) -> ImageFile:
    """Translate one image with everything that its file holds.

    Raises:
        UserError: if the model does not translate, or not in this direction.
    """
    image, source = _prepared(model, image, options)
    made = _translated(model, source, options.direction, options)
    return _as_file(_enlarged(made, image), image)


def _prepared(
    model: Model, image: ImageFile, options: TranslateOptions
) -> tuple[ImageFile, Float[Tensor, "1 c h w"]]:
    """The image at the size that is asked for, and what the network is given of it."""
    if options.size == "trained":
        image = _at_trained_size(image, model)
    elif _keeps_luma(model, options.direction):
        small = _at_trained_size(image, model)
        if small.colour.size < image.colour.size:
            return image, _input(small, options)
    return image, _input(image, options)


def _input(image: ImageFile, options: TranslateOptions) -> Float[Tensor, "1 c h w"]:
    """The image, or what is derived from it."""
    source = image_io.to_tensor(image.colour[None], image.max_value)
    return source if options.pair_by is None else derive(source, options.pair_by)


def _keeps_luma(model: Model, direction: Direction) -> bool:
    """Whether colours alone are generated. Those of an image that is larger than those of the
    training are generated at their size, at which the network knows what is shown."""
    network = require(model.method, Translates, model.name).translator(direction)
    return getattr(network, "keeps_luma", False)


def _enlarged(made: Float[Tensor, "1 c h w"], image: ImageFile) -> Float[Tensor, "1 c h w"]:
    """Colours that were generated at a smaller size, with the luma of the image itself."""
    size = image.colour.shape[:2]
    if made.shape[2:] == size:
        return made
    source = convert_channels(image_io.to_tensor(image.colour[None], image.max_value), 3)
    return with_luma_of(F.interpolate(made, size, mode="bicubic"), source).clamp(-1, 1)


@contextmanager
def _memory_is_enough(file: Path) -> Iterator[None]:
    """Context in which running out of memory is the error of one file.

    Raises:
        UserError: if memory runs out.
    """
    try:
        yield
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise UserError(f"{file}: it does not fit into memory; use --tile 512.") from None


def _translated(
    model: Model, image: Tensor, direction: Direction, options: TranslateOptions
) -> Tensor:
    return model.translate(
        image,
        direction,
        dropout=options.dropout == "on",
        seed=options.seed,
        own_statistics=options.statistics == "image",
        tile=options.tile,
    )


def _at_trained_size(image: ImageFile, model: Model) -> ImageFile:
    """The image with the shorter side of the training's images, and its own aspect ratio."""
    height, width = image.colour.shape[:2]
    factor = min(model.method.spec.size) / min(height, width)
    return resized(image, max(1, round(factor * height)), max(1, round(factor * width)))


def _as_file(made: Tensor, image: ImageFile) -> ImageFile:
    """The translated image with everything that the file of the original held.

    16-bit grayscale stays what it is, by its luma: no format here holds RGB of 16 bits.
    """
    dtype = image.colour.dtype.type
    if dtype is np.uint16:
        made = convert_channels(made, 1)
    colour = image_io.to_pixels(made, dtype)[0]
    fits = colour.shape[-1] == image.colour.shape[-1]
    return replace(image, colour=colour, icc_profile=image.icc_profile if fits else None)


def _small(pixels: np.ndarray) -> np.ndarray:
    """A preview in RGB whose longer side is at most 256 pixels."""
    pixels = image_io.with_channels(pixels, 3)
    height, width = pixels.shape[:2]
    if max(height, width) <= SHOWN_SIDE:
        return pixels
    small = max(1, round(width * SHOWN_SIDE / max(height, width)))
    return image_io.resize(pixels, small, "width")


def _write_sheet(rows: list[list[np.ndarray]], path: Path) -> None:
    """Rows of before and after, each image centred in a square."""
    side = max(p.shape[axis] for row in rows for p in row for axis in (0, 1))
    squares = []
    for pixels in (p for row in rows for p in row):
        square = np.full((side, side, 3), 255, np.uint8)
        top, left = (side - pixels.shape[0]) // 2, (side - pixels.shape[1]) // 2
        square[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
        squares.append(square)
    columns = len(rows[0]) * (2 if len(rows) > 3 else 1)
    image_io.save_sheet(image_io.to_tensor(np.stack(squares)), path, columns)


def _page(
    name: str, direction: str, rows: list[tuple[str, list[np.ndarray]]], returns: bool
) -> str:
    titles = ["input", "output", *(["cycle: translated back"] if returns else [])]
    head = "".join(f"<th>{title}</th>" for title in titles)
    body = []
    for label, row in rows:
        cells = "".join(f'<td><img alt="" src="{data_uri(image_io.encode(p))}"></td>' for p in row)
        cells += "<td></td>" * (len(titles) - len(row))
        title = f'<td colspan="{len(titles)}"><small>{text(label)}</small></td>'
        body.append(f"<tr>{title}</tr><tr>{cells}</tr>")
    return page(
        f"{text(name)} · translated",
        f"<h1>{text(name)}, {direction[0].upper()} to {direction[1].upper()}</h1>"
        f'<table class="images"><tr>{head}</tr>{"".join(body)}</table>',
    )
