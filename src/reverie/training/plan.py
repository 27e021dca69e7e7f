"""`reverie train --dry-run`: what would be trained and how long it takes; nothing is written."""

from collections.abc import Mapping
from pathlib import Path

from reverie.core.options import OptionValue
from reverie.runs.run import Run
from reverie.training.forecast import Forecast, foresee
from reverie.training.images import find_images
from reverie.training.init import inherit_architecture, with_whole_path
from reverie.training.setup import make_accelerator
from reverie.training.train import resolve


def plan(
    method: str | None,
    out: Path | None,
    *,
    preset: str | None = None,
    config: Path | None = None,
    changes: Mapping[str, OptionValue],
) -> Forecast:
    """What `train` would train with the same arguments, and how long it takes here.

    Without `out` it is not looked at whether there is a run already.

    Raises:
        UserError: if it cannot be trained.
    """
    recipe, chosen = resolve(
        method, out, preset=preset, config=config, goes_on=False, changes=changes
    )
    recipe, _ = inherit_architecture(with_whole_path(recipe))
    accelerator = make_accelerator(recipe.training, Run(out or Path()))
    return foresee(recipe, find_images(recipe), accelerator, chosen)
