"""Film of deep dreams: each frame starts from the previous one, zoomed and rotated."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from reverie.core import image_io, progress
from reverie.core.errors import UserError
from reverie.core.files import write_atomic
from reverie.core.marks import RESULTS, RESULTS_TEXT
from reverie.inference.dream.ascent import dream_steps
from reverie.inference.dream.settings import Dream, _fused, _guide, objective_of
from reverie.inference.options import DreamOptions
from reverie.nn.backbones.backbone import Backbone

FILMS = (".mp4", ".gif")


def dream_film(
    backbone: Backbone,
    dream: Dream,
    image: Path,
    out: Path,
    options: DreamOptions,
    guide: Path | None = None,
) -> Path:
    """Dream a film: each frame begins from the one before, a little nearer.

    Frames lie in a folder beside the film; where some are there already, it goes on from the last.

    Args:
        backbone: the network.
        dream: the settings of each frame.
        image: the image that the first frame starts from.
        out: an .mp4, a .gif, or a folder of frames.
        options: `film` (frames), `zoom` and `rotate` per second, `rate`.
        guide: an image for a guided dream.

    Returns:
        What was written: a .gif instead of an .mp4 where ffmpeg is missing.

    Raises:
        UserError: if something that was asked for cannot be done.
    """
    frames, zoom, rotate, rate = options.film or 1, options.zoom, options.rotate, options.rate
    suffix = out.suffix.lower()
    if suffix and suffix not in FILMS:
        raise UserError(f"a film is an .mp4, a .gif or a folder of frames, not {out.name}.")
    folder = out if not suffix else out.with_name(f"{out.stem}.frames")
    settings = folder / "settings.json"
    about = json.dumps([dream.to_json(), str(image), zoom, rotate, rate])
    if settings.exists() and settings.read_bytes() != about.encode():
        raise UserError(f"{folder} holds frames of another film: remove it, or name another --out.")
    if not settings.exists() and any(folder.glob("[0-9]*.png")):
        raise UserError(f"{folder} holds images that are no frames of a film: name another --out.")
    write_atomic(settings, about)
    write_atomic(folder / RESULTS, RESULTS_TEXT)
    quick = _fused(backbone, dream)
    objective = objective_of(dream, quick, _guide(guide))
    there = sorted(folder.glob("[0-9]*.png"))[:frames]
    if there:
        progress.say(f"resuming after frame {len(there)}")
    begin = there[-1] if there else image
    now = image_io.to_tensor(image_io.with_channels(image_io.read(begin), 3)[None])
    for number in progress.track(range(len(there), frames), frames - len(there), "film", "frames"):
        if number:
            now = zoom_and_rotate(now, zoom ** (1 / rate), rotate / rate)
        for moment in dream_steps(quick, now, objective, dream.options):
            now = moment.image
        write_atomic(folder / f"{number:05d}.png", image_io.encode(image_io.to_uint8(now)[0]))
        # Quantized to 8 bits, so that a resumed film has the same frames.
        now = image_io.to_tensor(image_io.to_uint8(now))
    return _joined(folder, out, frames, rate) if suffix else folder


def zoom_and_rotate(image: Tensor, zoom: float, degrees: float) -> Tensor:
    """Image [-1, 1] zoomed and rotated about its centre; beyond the edges it is reflected."""
    angle = torch.tensor(degrees).deg2rad()
    height, width = image.shape[-2:]
    cos, sin = float(angle.cos()) / zoom, float(angle.sin()) / zoom
    theta = torch.tensor([[cos, -sin * height / width, 0.0], [sin * width / height, cos, 0.0]])
    grid = F.affine_grid(theta[None], list(image.shape), align_corners=False)
    moved = F.grid_sample(image, grid, "bicubic", "reflection", align_corners=False)
    return moved.clamp(-1, 1)


def _joined(folder: Path, out: Path, frames: int, rate: float) -> Path:
    """Film encoded from the frames in a folder, which are kept; returns its path."""
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
        progress.warn(
            f"ffmpeg is not installed, so the film becomes {out}; its frames are in {folder}"
        )
    images = [image_io.read(file) for file in sorted(folder.glob("[0-9]*.png"))[:frames]]
    write_atomic(out, image_io.encode_gif(images, round(1000 / rate)))
    return out
