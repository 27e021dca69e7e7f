"""`reverie evaluate`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from reverie.cli.output import Result, _given, lines_of
from reverie.core.errors import UserError


@dataclass(frozen=True, kw_only=True)
class EvaluateCommand:
    """Say in numbers how good a model's samples are, or how near one folder is to another."""

    model: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="MODEL")]
    """A run, a model folder, a name on the hub, or a folder of pictures."""
    data: str
    """What the pictures should be like: a folder, a table, an IDX file, or a built-in set."""
    split: Literal["train", "test", "all"] = "test"
    """Which part, of data that comes divided."""
    count: int | None = None
    """How many samples; as many as there are pictures, 10,000 at most, unless told otherwise."""
    features: str | None = None
    """The network to look with: digits, efficientnet or inception; by default what fits."""
    seed: int = 0
    """The number of the first sample."""
    guidance: float | None = None
    """Diffusion: how far to go beyond what the label asks for."""
    steps: int | None = None
    """Diffusion: how many noise levels."""
    sampler: str | None = None
    """Diffusion: ddpm, ddim, euler, heun or dpmpp-2m."""
    pairs: bool = False
    """Compare two folders picture by picture, by equal names: PSNR, SSIM, perceptual distance."""
    luma: bool = False
    """Pairs: PSNR and SSIM of the luma Y alone, as super-resolution's tables have it."""
    border: int = 0
    """Pairs: pixels at the edges that PSNR and SSIM leave out."""
    report: Path | None = None
    """Write a page (.html) with the figures and samples beside their nearest training pictures."""
    out: Path | None = None
    """Write the figures to this .json file."""
    json: bool = False
    """Print the result as one JSON object."""


def evaluate(command: EvaluateCommand) -> Result:
    from accelerate import PartialState

    from reverie import api
    from reverie.core.processes import leave_the_group

    if command.pairs:
        figures = api.paired_metrics(
            command.model,
            command.data,
            features=command.features,
            on_luma=command.luma,
            border=command.border,
            out=command.out,
        )
        return figures, lines_of(figures)
    if command.luma or command.border:
        raise UserError("--luma and --border are for pairs: add --pairs.")
    state = PartialState()  # started in several processes, they share the work
    figures = api.evaluate(
        command.model,
        data=command.data,
        split=command.split,
        count=command.count,
        features=command.features,
        seed=command.seed,
        report=command.report,
        out=command.out if state.is_main_process else None,
        **_given(command, "guidance", "steps", "sampler"),
    )
    leave_the_group()
    return figures, lines_of(figures)
