"""Dreams of picture files: one picture, or a film of them, with their settings written inside."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from reverie.core import images, progress
from reverie.core.files import write_aside
from reverie.core.image_file import PictureFile, as_tensor, as_values, encode_file, read_file
from reverie.inference.dream.ascent import dream_of, sizes
from reverie.inference.dream.film import dream_film
from reverie.inference.dream.objectives import Objective
from reverie.inference.dream.settings import (
    SETTINGS,
    Dream,
    _guide,
    _quick,
    backbone_for,
    dream_for,
    objective_of,
)
from reverie.inference.options import DreamOptions
from reverie.nn.backbones.backbone import Backbone

SECONDS_BETWEEN_PREVIEWS = 2.0


def dream_file(
    backbone: Backbone, dream: Dream, picture: Path, out: Path, guide: Path | None = None
) -> list[float]:
    """Dream of one picture and write it, with its metadata and transparency.

    Returns:
        The objective at the beginning and at the end of each octave, in turn.

    Raises:
        UserError: if something that was asked for cannot be done.
    """
    file = read_file(picture)
    quick = _quick(backbone, dream)
    objective = objective_of(dream, quick, _guide(guide))
    preview = out.with_name(f"{out.stem}.preview.png")
    values = []
    try:
        made = as_tensor(file.colour, file.most).expand(-1, 3, -1, -1)
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
    backbone: Backbone, picture: Tensor, objective: Objective, o: DreamOptions, preview: Path
) -> Iterator[tuple[Tensor, float]]:
    """A dream's steps, with a bar and a preview that is refreshed."""
    areas = [h * w for h, w in sizes(picture.shape[-2], picture.shape[-1], o)]
    refreshed = time.monotonic()
    with progress.Bar("dreaming", sum(areas) * o.steps) as bar:
        for moment in dream_of(backbone, picture, objective, o):
            yield moment.picture, moment.value
            done = sum(areas[: moment.octave]) * o.steps + areas[moment.octave] * (moment.step + 1)
            where = (
                f"octave {moment.octave + 1} of {len(areas)}, step {moment.step + 1} of {o.steps}"
            )
            bar.update(done, where)
            if time.monotonic() - refreshed > SECONDS_BETWEEN_PREVIEWS:
                write_aside(preview, images.encode(images.to_uint8(moment.picture)[0]))
                refreshed = time.monotonic()


def _write(made: Tensor, file: PictureFile, dream: Dream, out: Path) -> None:
    colour = as_values(made, np.uint8)
    alpha = None if file.alpha is None else (file.alpha // (file.most // 255)).astype(np.uint8)
    profile = file.icc_profile if file.colour.shape[-1] == 3 else None
    words = {SETTINGS: dream.to_json()}
    write_aside(out, encode_file(PictureFile(colour, alpha, file.exif, profile), out.suffix, words))


def dream_picture(
    picture: Path,
    out: Path,
    *,
    like: Path | None = None,
    film: int | None = None,
    zoom: float = 1.04,
    rotate: float = 0.0,
    rate: float = 12.0,
    **given: Any,
) -> dict[str, Any]:
    """Dream of a picture, or a film of it.

    Returns:
        What was written, and the objective at both ends of each octave.

    Raises:
        UserError: if something that was asked for cannot be done.
    """
    before = None if like is None else Dream.from_file(like)
    name = given.pop("backbone", None) or (before.backbone if before else "efficientnet")
    weights = given.pop("weights", None) or (before.weights if before else None)
    backbone = backbone_for(name, weights)
    dream = dream_for(backbone, like, given)
    dream = replace(dream, backbone=name, weights=None if weights is None else str(weights))
    guide = None if dream.guide is None else Path(dream.guide)
    if film is not None:
        written = dream_film(
            backbone,
            dream,
            picture,
            out,
            frames=film,
            zoom=zoom,
            rotate=rotate,
            rate=rate,
            guide=guide,
        )
        return {"file": str(written), "frames": film, "layers": list(dream.layers)}
    values = dream_file(backbone, dream, picture, out, guide)
    shown = [float(f"{value:.4g}") for value in values]
    rises = [list(ends) for ends in zip(shown[::2], shown[1::2], strict=True)]
    return {"file": str(out), "layers": list(dream.layers), "octaves": rises}
