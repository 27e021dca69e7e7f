"""`reverie sample`."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from reverie.cli.output import Result, _given
from reverie.core.errors import UserError


@dataclass(frozen=True, kw_only=True)
class SampleCommand:
    """Make pictures from noise; picture i depends on seed + i alone."""

    model: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="MODEL")]
    """A run, a model folder, or a name on the Hugging Face hub."""
    count: Annotated[int, tyro.conf.arg(aliases=["-n"])] = 16
    """How many pictures."""
    seed: int = 0
    """The number of the first picture."""
    label: tuple[str, ...] = ()
    """The class to show: one for all, or one for each picture; by default all take turns."""
    out: Path = Path("samples")
    """A folder for files and a sheet, one picture file for the sheet alone, or an .npz file."""
    between: tuple[int, int] | None = None
    """Two seeds: show the way from the one's picture to the other's."""
    guidance: float | None = None
    """Diffusion: how far to go beyond what the label asks for; 1 is plain, 2 is clearer."""
    steps: int | None = None
    """Diffusion: how many noise levels (12 unless told otherwise)."""
    sampler: str | None = None
    """Diffusion: ddpm, ddim, euler, heun or dpmpp-2m."""
    schedule: str | None = None
    """Diffusion: how noise levels are spaced: karras or uniform."""
    init: Path | None = None
    """Diffusion: a picture to begin from instead of noise."""
    strength: float = 0.6
    """Diffusion: how much of --init is made anew, from 0 to 1."""
    mask: Path | None = None
    """Diffusion: a picture, white where --init is to be made anew; resized if need be."""
    film: Path | None = None
    """Diffusion: a .gif of the steps, with a strip of them beside it."""
    json: bool = False
    """Print the result as one JSON object."""


MAX_FILM_IMAGES = 64


def sample(command: SampleCommand) -> Result:
    import numpy as np

    from reverie import api
    from reverie.core import image_io
    from reverie.core.files import write_atomic
    from reverie.inference.sample import start_from

    model = api.load(command.model)
    label = command.label or None
    asked = _given(command, "guidance", "steps", "sampler", "schedule", "between")
    if command.init or command.mask:
        asked["start"] = start_from(model, command.init, command.strength, command.mask)
    frames = []
    if command.film and command.count > MAX_FILM_IMAGES:
        raise UserError(f"a film shows {MAX_FILM_IMAGES} pictures at most, not {command.count}.")
    if command.film:
        asked["callback"] = lambda step, x_0: frames.append(x_0.float().cpu().clamp(-1, 1))
    images = model.sample(command.count, seed=command.seed, label=label, **asked)
    if command.film:
        image_io.save_film([*frames, images], command.film)
    if command.out.suffix == ".npz":
        pixels, labels = image_io.to_uint8(images), model.labels(command.count, label)
        buffer = io.BytesIO()
        if labels is None:
            np.savez(buffer, arr_0=pixels)
        else:
            np.savez(buffer, arr_0=pixels, arr_1=labels.numpy())
        write_atomic(command.out, buffer.getvalue())
        written = [command.out]
    elif command.out.suffix:
        image_io.save_sheet(images, command.out)
        written = [command.out]
    else:
        written = [command.out / f"{command.seed + i:06d}.png" for i in range(command.count)]
        for image, path in zip(images, written, strict=True):
            image_io.save(image, path)
        written.append(command.out / "grid.png")
        image_io.save_sheet(images, written[-1])
    facts = {"count": command.count, "seed": command.seed, "files": [str(p) for p in written]}
    return facts, f"{command.count} pictures: {written[-1]}"
