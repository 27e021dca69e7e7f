"""Upscale image files and folders, with all that the files hold."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from reverie.core import image_io, progress
from reverie.core.errors import UserError
from reverie.core.image_file import ImageFile, read_image_file, resampled
from reverie.core.image_formats import suffix_of_format
from reverie.core.image_io import convert_channels
from reverie.core.interrupt import StopSignal
from reverie.core.marks import is_marked
from reverie.core.outputs import Output, plan_outputs
from reverie.core.result import FAILED_IN_PART, INTERRUPTED, Json, Result, counted, plain
from reverie.inference.model import Model
from reverie.inference.options import UpscaleOptions
from reverie.inference.tiled_upscale import DRIFT, TiledUpscaler
from reverie.inference.tiling import Tile


class Stopped(Exception):
    """Raised when the user interrupts."""


@dataclass(frozen=True)
class UpscaleResult(Result):
    """Files that were written, existed already, or could not be upscaled."""

    out: Path
    files: list[Path] = field(default_factory=list)
    skipped: list[Path] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    stopped: bool = False

    def to_json(self) -> dict[str, Json]:
        return {
            "count": len(self.files),
            "skipped": plain(self.skipped),
            "failed": plain(self.failed),
            "files": plain(self.files),
        }

    @property
    def exit_code(self) -> int:
        return INTERRUPTED if self.stopped else FAILED_IN_PART if self.failed else 0

    def summary(self) -> str:
        left_out = f", {len(self.failed)} left out" if self.failed else ""
        if self.stopped:
            return f"stopped after {counted(len(self.files), 'image')}: {self.out}"
        return f"{counted(len(self.files), 'image')}{left_out}: {self.out}"


def upscale_files(
    model: Model, paths: Sequence[Path], out: Path, options: UpscaleOptions
) -> UpscaleResult:
    """Upscale files and folders into `out`; one bad file does not stop the others.

    Raises:
        UserError: if nothing could be upscaled, or the model does not upscale.
    """
    tiled_upscaler = model.tiled_upscaler(options.tile, options.precision)
    share = _share(tiled_upscaler, options.scale)
    plan = plan_outputs(paths, out, suffix_of_format(options.format), may_replace=True)
    todo, skipped = _todo(plan.outputs, options)
    result = UpscaleResult(out, skipped=skipped, failed=plan.failures.reasons)
    with StopSignal("stopping after this tile") as stop_requested:
        pace = _Pace([output.source for output in todo], stop_requested)
        with pace.bar:
            for output in todo:
                try:
                    with plan.failures.of(output.source):
                        image = read_image_file(output.source)
                        made = _enlarged_file(tiled_upscaler, image, share, pace.did)
                        result.files.append(plan.write(output, made))
                except Stopped:
                    result = replace(result, stopped=True)
                    break
                if tiled_upscaler.drift > DRIFT:
                    shift = tiled_upscaler.drift * 127.5
                    progress.warn(f"{output.target}: colours drift by {shift:.0f} of 255")
                tiled_upscaler.drift = 0.0
    if result.failed and not (result.files or result.skipped or result.stopped):
        raise plan.failures.refuse(len(result.failed), "upscaled")
    plan.failures.report()
    return result


def upscale_image(model: Model, image: ImageFile, options: UpscaleOptions) -> ImageFile:
    """Upscale one image with everything that its file holds; of the options scale, tile, precision.

    Raises:
        UserError: if the model does not upscale.
    """
    tiled_upscaler = model.tiled_upscaler(options.tile, options.precision)
    own = tiled_upscaler.network.scale
    share = (options.scale or own) / own
    return _enlarged_file(tiled_upscaler, image, share, lambda pixels: None)


def _todo(outputs: Sequence[Output], options: UpscaleOptions) -> tuple[list[Output], list[Path]]:
    """What is to be upscaled, and the targets that exist already and are skipped.

    A target that is older than its image is another image's, or that of an earlier version.
    """
    todo, skipped = [], []
    for output in outputs:
        possible = dict.fromkeys((output.target, output.as_png))
        existing = [path for path in possible if path.is_file() and not is_marked(path)]
        if options.existing == "skip" and existing and _is_newer(existing[0], output.source):
            skipped.append(existing[0])
        else:
            todo.append(output)
    if skipped:
        progress.say(
            f"skipped, as results exist already: {counted(len(skipped), 'image')}; "
            "--existing overwrite computes them again."
        )
    return todo, skipped


def _is_newer(result: Path, source: Path) -> bool:
    """Whether a result was written after its image came to where it is."""
    image = source.stat()
    return result.stat().st_mtime_ns >= max(image.st_mtime_ns, image.st_ctime_ns)


def _share(tiled_upscaler: TiledUpscaler, scale: float | None) -> float:
    """How much of the network's scale is wanted."""
    own = tiled_upscaler.network.scale
    if scale is None:
        return 1.0
    if scale != own:
        how = "downscaled" if scale < own else "upscaled further by bicubic interpolation"
        progress.say(f"the network upscales {own} times; the result is {how}, to {scale:g} times")
    return scale / own


class _Pace:
    """The bar over all files, in megapixels of input."""

    def __init__(self, files: list[Path], stop_requested: Callable[[], bool]) -> None:
        sizes = []
        for file in files:
            try:
                width, height = image_io.size_of(file)
            except UserError:  # what is wrong with it is said when its turn comes
                continue
            sizes.append(width * height)
        self.bar = progress.Bar("upscaling", max(sum(sizes), 1))
        self._interrupted = stop_requested
        self._done = 0
        self._clock = progress.Clock()

    def did(self, pixels: int) -> None:
        """A tile is done.

        Raises:
            Stopped: if the user interrupted.
        """
        self._done += pixels
        speed = self._done / 1e6 / self._clock.seconds
        self.bar.update(self._done, f"{speed:.2f} megapixels/s")
        if self._interrupted():
            raise Stopped


def _enlarged_file(
    tiled_upscaler: TiledUpscaler, image: ImageFile, share: float, did: Callable[[int], None]
) -> ImageFile:
    max_value = image.max_value
    colour, alpha = image.colour, image.alpha
    kind = np.uint16 if max_value > 255 else np.uint8
    sides = colour.shape[0], colour.shape[1]
    height, width = (max(1, round(n * tiled_upscaler.network.scale * share)) for n in sides)
    grey = colour.shape[-1]

    def large(read: Callable[[Tile], np.ndarray]) -> np.ndarray:
        """Enlarged and, where another scale is asked for, resized: [height, width, C]."""
        return _whole(tiled_upscaler, sides, grey, read, share, (height, width), kind, did)

    if alpha is None or (alpha == alpha.flat[0]).all():
        made = large(lambda tile: colour[tile.top : tile.bottom, tile.left : tile.right])
        flat = None if alpha is None else np.full(made.shape[:2], alpha.flat[0], alpha.dtype)
        return replace(image, colour=made, alpha=flat)
    # Enlarged on black (B) and on white (W): α = 1 - (W - B), and the colour is B / α.
    solid = alpha[..., None].astype(np.float32) / max_value

    def on(ground: float) -> np.ndarray:
        def read(tile: Tile) -> np.ndarray:
            rows, columns = slice(tile.top, tile.bottom), slice(tile.left, tile.right)
            over = solid[rows, columns]
            return colour[rows, columns] * over + ground * max_value * (1 - over)

        return large(read).astype(np.float32)

    black, white = on(0.0), on(1.0)
    opacity = np.clip(1 - (white - black).mean(-1, keepdims=True) / max_value, 0, 1)
    bare = np.where(opacity > 1 / max_value, black / np.maximum(opacity, 1 / max_value), 0)
    return replace(
        image,
        colour=np.clip(bare.round(), 0, max_value).astype(kind),
        alpha=(opacity[..., 0] * max_value).round().astype(kind),
    )


def _whole(
    tiled_upscaler: TiledUpscaler,
    size: tuple[int, int],
    channels: int,
    read: Callable[[Tile], np.ndarray],
    share: float,
    wanted: tuple[int, int],
    kind: type,
    did: Callable[[int], None],
) -> np.ndarray:
    scale, max_value = tiled_upscaler.network.scale, np.iinfo(kind).max
    # What is resized afterwards is kept finer than it will be.
    store = kind if share == 1 else np.uint16
    made = np.empty((size[0] * scale, size[1] * scale, channels), store)

    def tensor(tile: Tile) -> Tensor:
        return convert_channels(
            image_io.to_tensor(read(tile)[None], max_value), tiled_upscaler.network.channels
        )

    for part in tiled_upscaler.parts(*size, tensor):
        tile = part.tile
        rows = slice(tile.core_top * scale, tile.core_bottom * scale)
        columns = slice(tile.core_left * scale, tile.core_right * scale)
        made[rows, columns] = image_io.to_pixels(convert_channels(part.image, channels), store)[0]
        did((tile.core_bottom - tile.core_top) * (tile.core_right - tile.core_left))
    if share == 1:
        return made
    return resampled(made, *wanted, kind)


def bicubic(images: Tensor, scale: int) -> Tensor:
    """Bicubic upscaling, the baseline: as MATLAB and Pillow compute it, with a = -0.5."""
    size = images.shape[-2] * scale, images.shape[-1] * scale
    return torch.nn.functional.interpolate(images, size, mode="bicubic", antialias=True)
