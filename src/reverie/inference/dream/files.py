"""Dreams of picture files: one picture, or a film of them, with their settings written inside."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from reverie.core import image_io, progress
from reverie.core.files import write_atomic
from reverie.core.image_file import (
    ImageFile,
    as_tensor,
    encode_image_file,
    read_image_file,
    to_values,
)
from reverie.inference.dream.ascent import dream_steps, sizes
from reverie.inference.dream.film import dream_film
from reverie.inference.dream.objectives import DreamObjective
from reverie.inference.dream.settings import (
    SETTINGS,
    Dream,
    _fused,
    _guide,
    dream_for,
    find_backbone_for,
    objective_of,
)
from reverie.inference.options import DreamOptions
from reverie.nn.backbones.backbone import Backbone

SECONDS_BETWEEN_PREVIEWS = 2.0


def dream_file(
    backbone: Backbone, dream: Dream, image: Path, out: Path, guide: Path | None = None
) -> list[float]:
    """Dream of one picture and write it, with its metadata and transparency.

    Returns:
        The objective at the beginning and at the end of each octave, in turn.

    Raises:
        UserError: if something that was asked for cannot be done.
    """
    file = read_image_file(image)
    quick = _fused(backbone, dream)
    objective = objective_of(dream, quick, _guide(guide))
    preview = out.with_name(f"{out.stem}.preview.png")
    values = []
    try:
        made = as_tensor(file.colour, file.max_value).expand(-1, 3, -1, -1)
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
    backbone: Backbone, image: Tensor, objective: DreamObjective, o: DreamOptions, preview: Path
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
                write_atomic(preview, image_io.encode(image_io.to_uint8(moment.image)[0]))
                refreshed = time.monotonic()


def _write(made: Tensor, file: ImageFile, dream: Dream, out: Path) -> None:
    colour = to_values(made, np.uint8)
    alpha = None if file.alpha is None else (file.alpha // (file.max_value // 255)).astype(np.uint8)
    profile = file.icc_profile if file.colour.shape[-1] == 3 else None
    words = {SETTINGS: dream.to_json()}
    write_atomic(
        out, encode_image_file(ImageFile(colour, alpha, file.exif, profile), out.suffix, words)
    )


def dream_image(
    image: Path,
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
    backbone = find_backbone_for(name, weights)
    dream = dream_for(backbone, like, given)
    dream = replace(dream, backbone=name, weights=None if weights is None else str(weights))
    guide = None if dream.guide is None else Path(dream.guide)
    if film is not None:
        written = dream_film(
            backbone,
            dream,
            image,
            out,
            frames=film,
            zoom=zoom,
            rotate=rotate,
            rate=rate,
            guide=guide,
        )
        return {"file": str(written), "frames": film, "layers": list(dream.layers)}
    values = dream_file(backbone, dream, image, out, guide)
    shown = [float(f"{value:.4g}") for value in values]
    rises = [list(ends) for ends in zip(shown[::2], shown[1::2], strict=True)]
    return {"file": str(out), "layers": list(dream.layers), "octaves": rises}
