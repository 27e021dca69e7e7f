"""Dreams of picture files: one picture, or a film of them, with their settings written inside."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from reverie import images, progress
from reverie.backbones import Backbone
from reverie.dream_options import DreamOptions
from reverie.dreaming import Objective, dream_of, guided, l2, mean, quick_backbone, sizes
from reverie.dreaming import channel as of_channel
from reverie.errors import UserError
from reverie.files import write_aside
from reverie.picture_files import PictureFile, as_tensor, as_values, encode_file, read_file
from reverie.precision import bf16_is_native

SETTINGS = "reverie dream"
SECONDS_BETWEEN_PREVIEWS = 2.0
FILMS = (".mp4", ".gif")


@dataclass(frozen=True, kw_only=True)
class Dream:
    """All that makes a dream what it is, besides the picture: it is written into the file."""

    backbone: str
    weights: str | None
    layers: tuple[str, ...]
    towards: str
    guide: str | None
    options: DreamOptions

    def to_json(self) -> str:
        """What `from_file` reads."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_file(path: Path) -> "Dream":
        """The settings of a dream that was saved as PNG.

        Raises:
            UserError: if the file holds none.
        """
        images.size_of(path)
        with Image.open(path) as image:
            words = image.info.get(SETTINGS)
        if words is None:
            raise UserError(
                f"{path}: no dream's settings are in this file; dreams saved as .png have."
            )
        content = json.loads(words)
        options = DreamOptions(**content.pop("options"))
        return Dream(**content | {"layers": tuple(content["layers"]), "options": options})


def objective_of(dream: Dream, backbone: Backbone, guide: Tensor | None) -> Objective:
    """The sum of the layers that were asked for: `NAME`, `NAME:CHANNEL`, each with `=WEIGHT`.

    Raises:
        UserError: if a layer is not there or a number is none.
    """
    total = Objective(())
    for word in dream.layers:
        name, _, weight = word.partition("=")
        layer, _, number = name.partition(":")
        backbone.layer(layer)
        try:
            factor = float(weight) if weight else 1.0
            chosen = int(number) if number else None
        except ValueError:
            raise UserError(
                f"{word!r}: a layer is written NAME, NAME:CHANNEL or NAME=WEIGHT, as in "
                f"{layer}:42=0.5."
            ) from None
        if guide is not None:
            seen = backbone.activations(guide, [layer])[layer]
            term = guided(layer, seen.detach())
        elif chosen is not None:
            term = of_channel(layer, chosen)
        else:
            term = mean(layer) if dream.towards == "mean" else l2(layer)
        total = total + factor * term
    return total


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


def dream_film(
    backbone: Backbone,
    dream: Dream,
    picture: Path,
    out: Path,
    *,
    frames: int,
    zoom: float,
    rotate: float,
    rate: float,
    guide: Path | None = None,
) -> Path:
    """Dream a film: each frame begins from the one before, a little nearer.

    Frames lie in a folder beside the film; where some are there already, it goes on from the last.

    Args:
        backbone: the network.
        dream: how each frame is dreamt.
        picture: what the first frame begins from.
        out: an .mp4, a .gif, or a folder of frames.
        frames: how many.
        zoom: how much nearer in a second of film.
        rotate: degrees in a second of film.
        rate: frames a second.
        guide: a picture to go towards.

    Returns:
        What was written: a .gif instead of an .mp4 where ffmpeg is missing.

    Raises:
        UserError: if something that was asked for cannot be done.
    """
    if frames < 1 or zoom <= 0 or rate <= 0:
        raise UserError("a film has a frame or more, a zoom above 0 and a rate above 0.")
    suffix = out.suffix.lower()
    if suffix and suffix not in FILMS:
        raise UserError(f"a film is an .mp4, a .gif or a folder of frames, not {out.name}.")
    folder = out if not suffix else out.with_name(f"{out.stem}.frames")
    settings = folder / "settings.json"
    about = json.dumps([dream.to_json(), str(picture), zoom, rotate, rate])
    if settings.exists() and settings.read_text() != about:
        raise UserError(f"{folder} holds frames of another film: remove it, or name another --out.")
    write_aside(settings, about)
    quick = _quick(backbone, dream)
    objective = objective_of(dream, quick, _guide(guide))
    there = sorted(folder.glob("[0-9]*.png"))[:frames]
    if there:
        progress.say(f"going on after frame {len(there)}")
    begin = there[-1] if there else picture
    now = images.to_tensor(images.with_channels(images.read(begin), 3)[None])
    for number in progress.track(range(len(there), frames), frames - len(there), "film", "frames"):
        if number:
            now = nearer(now, zoom ** (1 / rate), rotate / rate)
        for moment in dream_of(quick, now, objective, dream.options):
            now = moment.picture
        write_aside(folder / f"{number:05d}.png", images.encode(images.to_uint8(now)[0]))
        now = images.to_tensor(images.to_uint8(now))  # so that a film that is resumed is the same
    return _joined(folder, out, frames, rate) if suffix else folder


def nearer(picture: Tensor, zoom: float, degrees: float) -> Tensor:
    """The picture zoomed and turned about its middle; what is beyond its edge is mirrored."""
    angle = torch.tensor(degrees).deg2rad()
    height, width = picture.shape[-2:]
    cos, sin = float(angle.cos()) / zoom, float(angle.sin()) / zoom
    theta = torch.tensor([[cos, -sin * height / width, 0.0], [sin * width / height, cos, 0.0]])
    grid = F.affine_grid(theta[None], list(picture.shape), align_corners=False)
    moved = F.grid_sample(picture, grid, "bicubic", "reflection", align_corners=False)
    return moved.clamp(-1, 1)


def _quick(backbone: Backbone, dream: Dream) -> Backbone:
    device = next(backbone.network.parameters()).device
    looked_at = [layer.split("=")[0].split(":")[0] for layer in dream.layers]
    return quick_backbone(backbone, bf16_is_native(device.type), looked_at)


def _guide(path: Path | None) -> Tensor | None:
    if path is None:
        return None
    pixels = images.with_channels(images.read(path), 3)
    if max(pixels.shape[:2]) > 512:
        pixels = images.resize(
            pixels, round(512 * pixels.shape[1] / max(pixels.shape[:2])), "width"
        )
    return images.to_tensor(pixels[None])


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


def _joined(folder: Path, out: Path, frames: int, rate: float) -> Path:
    """The film of the frames in a folder, which stay."""
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.suffix.lower() == ".mp4":
        if shutil.which("ffmpeg"):
            even = "pad=ceil(iw/2)*2:ceil(ih/2)*2"  # H.264 has no odd sides
            command: list[Any] = ["ffmpeg", "-y", "-loglevel", "error", "-framerate", rate]
            command += ["-i", folder / "%05d.png", "-frames:v", frames, "-vf", even]
            command += ["-pix_fmt", "yuv420p", "-crf", "16", out]
            done = subprocess.run(
                list(map(str, command)), check=False, capture_output=True, text=True
            )
            if done.returncode:
                raise UserError(
                    f"ffmpeg failed ({done.stderr.strip()}); the frames are in {folder}."
                )
            return out
        out = out.with_suffix(".gif")
        progress.warn(f"ffmpeg is not here, so the film becomes {out}; its frames are in {folder}")
    pictures = [images.read(file) for file in sorted(folder.glob("[0-9]*.png"))[:frames]]
    write_aside(out, images.encode_gif(pictures, round(1000 / rate)))
    return out
