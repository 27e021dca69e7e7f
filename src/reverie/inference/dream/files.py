"""Deep dreams of image files, or a film of them, with their settings in the file."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from torch import Tensor

from reverie.core import image_io, progress
from reverie.core.files import write_atomic
from reverie.core.image_file import ImageFile, encode_image_file, read_image_file
from reverie.core.marks import SHEET_TEXT, own_place
from reverie.core.outputs import refuse_replacing
from reverie.core.result import Json, Result
from reverie.inference.dream.ascent import dream_steps, sizes
from reverie.inference.dream.film import dream_film
from reverie.inference.dream.objectives import DreamObjective
from reverie.inference.dream.settings import (
    SETTINGS,
    Dream,
    _fused,
    _guide,
    dream_for,
    objective_of,
)
from reverie.inference.options import AscentOptions, DreamOptions
from reverie.nn.backbones.backbone import Backbone

SECONDS_BETWEEN_PREVIEWS = 2.0


def dream_file(
    backbone: Backbone, dream: Dream, image: Path, out: Path, guide: Path | None = None
) -> list[float]:
    """Dream of one image file and write it, with its metadata and transparency.

    Returns:
        The objective at the beginning and at the end of each octave, in turn.

    Raises:
        UserError: if something that was asked for cannot be done.
    """
    file = read_image_file(image)
    quick = _fused(backbone, dream)
    objective = objective_of(dream, quick, _guide(guide))
    preview = own_place(out.with_name(f"{out.stem}.preview.png"))
    values = []
    try:
        made = image_io.to_tensor(file.colour[None], file.max_value).expand(-1, 3, -1, -1)
        for picture_so_far, value in _shown(quick, made, objective, dream.options, preview):
            made = picture_so_far
            values.append(value)
    finally:
        preview.unlink(missing_ok=True)
    _write(made, file, dream, out)
    steps = dream.options.steps
    octaves = [values[n : n + steps] for n in range(0, len(values), steps)]
    return [v for octave in octaves for v in (octave[0], octave[-1])]


def _shown(
    backbone: Backbone, image: Tensor, objective: DreamObjective, o: AscentOptions, preview: Path
) -> Iterator[tuple[Tensor, float]]:
    """A dream's steps, with a bar and a preview that is refreshed."""
    areas = [h * w for h, w in sizes(image.shape[-2], image.shape[-1], o)]
    refreshed = time.monotonic()
    with progress.Bar("dreaming", sum(areas) * o.steps) as bar:
        for moment in dream_steps(backbone, image, objective, o):
            yield moment.image, moment.value
            done = sum(areas[: moment.octave]) * o.steps + areas[moment.octave] * (moment.step + 1)
            where = (
                f"octave {moment.octave + 1} of {len(areas)}, step {moment.step + 1} of {o.steps}"
            )
            bar.update(done, where)
            if time.monotonic() - refreshed > SECONDS_BETWEEN_PREVIEWS:
                pixels = image_io.to_uint8(moment.image)[0]
                write_atomic(preview, image_io.encode(pixels, words=SHEET_TEXT))
                refreshed = time.monotonic()


def _write(made: Tensor, file: ImageFile, dream: Dream, out: Path) -> None:
    colour = image_io.to_uint8(made)[0]
    alpha = None if file.alpha is None else (file.alpha // (file.max_value // 255)).astype(np.uint8)
    profile = file.icc_profile if file.colour.shape[-1] == 3 else None
    words = {SETTINGS: dream.to_json()}
    write_atomic(
        out, encode_image_file(ImageFile(colour, alpha, file.exif, profile), out.suffix, words)
    )


@dataclass(frozen=True)
class DreamResult(Result):
    """The dream or the film that was written, and the objective at both ends of each octave."""

    file: Path
    layers: list[str]
    octaves: list[tuple[float, float]] = field(default_factory=list)
    frames: int | None = None
    """Of a film: how many frames."""

    def to_json(self) -> dict[str, Json]:
        facts = super().to_json()
        return {k: facts[k] for k in facts if k != ("frames" if self.frames is None else "octaves")}

    def summary(self) -> str:
        rises = ", ".join(f"{a:.3g} to {b:.3g}" for a, b in self.octaves)
        return str(self.file) + (f": the objective rose from {rises}" if rises else "")


def dream_image(image: Path, out: Path, options: DreamOptions) -> DreamResult:
    """A deep dream of an image, or a film of it.

    Raises:
        UserError: if something that was asked for cannot be done.
    """
    dream, backbone = dream_for(options)
    guide = None if dream.guide is None else Path(dream.guide)
    written = [out, out.with_suffix(".gif")] if out.suffix.lower() == ".mp4" else [out]
    refuse_replacing(written, [file for file in (image, guide, options.like) if file])
    if options.film is not None:
        written = dream_film(backbone, dream, image, out, options, guide)
        return DreamResult(written, list(dream.layers), frames=options.film)
    values = dream_file(backbone, dream, image, out, guide)
    shown = [float(f"{value:.4g}") for value in values]
    rises = list(zip(shown[::2], shown[1::2], strict=True))
    return DreamResult(out, list(dream.layers), rises)
