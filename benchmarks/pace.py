"""Seconds of a step of every preset that `--preset auto` picks for a processor, on one core.

    OMP_NUM_THREADS=1 python benchmarks/pace.py [METHOD ...]

They stand in the presets as `Fits(seconds=)`, at images of `Fits(side=)`. Time of this process is
measured, not of the clock, so that other work on the machine changes little.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from reverie.data import ImageSpec
from reverie.methods import METHODS
from reverie.methods.presets import recipe_for
from reverie.runs.run import Run
from reverie.training.pace import seconds_per_step
from reverie.training.setup import make_accelerator


def main(names: Sequence[str]) -> None:
    """Print a line for each preset: seconds measured, those in the preset, minutes of all steps."""
    torch.set_num_threads(1)
    for name in names or METHODS:
        for preset, one in METHODS.find(name).presets.items():
            if one.fits is None or not one.fits.seconds:
                continue
            recipe = recipe_for(name, preset).with_options(device="cpu")
            grey = one.data.data == "digits"
            spec = ImageSpec(1 if grey else 3, one.fits.side, tuple("0123456789"))
            with TemporaryDirectory() as folder:
                accelerator = make_accelerator(recipe.training, Run(Path(folder)))
                seconds = seconds_per_step(recipe, spec, accelerator, clock=time.process_time)
            minutes = (recipe.training.steps or 0) * seconds / 60
            print(
                f"{name:10} {preset:12} {one.fits.side:4} pixels {seconds:8.3f} s a step, "
                f"{one.fits.seconds:.3f} in the preset, {minutes:5.1f} minutes",
                flush=True,
            )


if __name__ == "__main__":
    main(sys.argv[1:])
