"""`reverie upscale`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from reverie.cli.output import CommandInterrupted, Result
from reverie.core.errors import UserError


def model_before(places: Sequence[str]) -> tuple[str, list[str]]:
    """Of what `reverie upscale` was given: the model, where the first is one, and the pictures.

    Raises:
        UserError: if there are no pictures.
    """
    from reverie.api import UPSCALER
    from reverie.core import image_io
    from reverie.inference.load import is_image_folder

    first = Path(places[0]).expanduser() if places else Path()
    images_first = first.suffix.lower() in image_io.SUFFIXES or is_image_folder(first)
    model, rest = (UPSCALER, places) if images_first else (places[0], places[1:])
    if not rest:
        raise UserError("say which pictures to make larger: files, or folders of them.")
    return model, list(rest)


@dataclass(frozen=True, kw_only=True)
class UpscaleCommand:
    """Make pictures larger; transparency, 16 bits of grey, rotation and metadata are kept."""

    images: Annotated[
        tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="[MODEL] PICTURES")
    ]
    """Files and folders; before them a run, a model, or a file of weights, where the network that
    comes with the package is not enough."""
    out: Path = Path("large")
    """The folder to write to; subfolders are mirrored."""
    scale: float | None = None
    """How many times larger; where the network was made for another, the result is resized."""
    tile: int | None = None
    """Side of the tiles that are worked on one by one; by default what fits into memory."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """auto computes in bfloat16 where the machine has it natively."""
    existing: Literal["skip", "overwrite"] = "skip"
    """What to do with files that are there already."""
    format: str | None = None
    """png, jpg, webp or tif; by default each file's own."""
    json: bool = False
    """Print the result as one JSON object."""


def upscale(command: UpscaleCommand) -> Result:
    from reverie import api

    model, images = model_before(command.images)
    done = api.upscale(
        images,
        out=command.out,
        model=model,
        scale=command.scale,
        tile=command.tile,
        precision=command.precision,
        existing=command.existing,
        format=command.format,
    )
    if done.stopped:
        raise CommandInterrupted(f"stopped; {len(done.files)} pictures are done: {command.out}")
    facts = {
        "count": len(done.files),
        "skipped": [str(file) for file in done.skipped],
        "failed": done.failed,
        "files": [str(file) for file in done.files],
    }
    left_out = f", {len(done.failed)} left out" if done.failed else ""
    return facts, f"{len(done.files)} pictures{left_out}: {command.out}"
