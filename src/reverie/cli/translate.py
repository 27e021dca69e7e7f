"""`reverie translate`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from reverie.cli.output import Result


@dataclass(frozen=True, kw_only=True)
class TranslateCommand:
    """Give pictures the other look; size, proportions and metadata stay as they are."""

    model: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="MODEL")]
    """A run, a model folder, a name on the hub, or a .pth file of the original CycleGAN code."""
    images: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="PICTURES")]
    """Files and folders; subfolders are mirrored."""
    out: Path = Path("translated")
    """The folder to write to."""
    direction: Literal["ab", "ba"] = "ab"
    """From A to B, or back where the model has learnt it."""
    dropout: Literal["off", "on"] = "off"
    """On leaves features out as in training, for variety, as the original pix2pix does."""
    statistics: Literal["trained", "picture"] = "trained"
    """Batch norm: averages of the training, or each picture's own, as the original pix2pix does."""
    tile: int | None = None
    """Side of the tiles that are worked on one by one; large pictures are tiled by themselves."""
    reference: str | None = None
    """What a .pth file should be: resnet_6blocks, resnet_9blocks, unet_128 or unet_256."""
    seed: int = 0
    """Decides what dropout leaves out."""
    json: bool = False
    """Print the result as one JSON object."""


def translate(command: TranslateCommand) -> Result:
    import torch

    from reverie import api

    torch.manual_seed(command.seed)
    done = api.translate(
        api.load(command.model, command.reference),
        command.images,
        out=command.out,
        direction=command.direction,
        dropout=command.dropout == "on",
        own_statistics=command.statistics == "picture",
        tile=command.tile,
    )
    facts = {
        "count": len(done.files),
        "failed": done.failed,
        "page": str(done.page),
        "sheet": str(done.sheet),
        "files": [str(file) for file in done.files],
    }
    left_out = f", {len(done.failed)} left out" if done.failed else ""
    return facts, f"{len(done.files)} pictures{left_out}: {done.page}"
