from pathlib import Path

import pytest
import torch

from reverie.data import ImageSpec
from reverie.methods import METHODS
from reverie.methods.presets import recipe_for
from reverie.runs.run import Run
from reverie.training.pace import seconds_per_step
from reverie.training.setup import make_accelerator


def clock(seconds: list[float]):
    """A clock whose intervals are these, in turn; the last one goes on."""
    now, began = 0.0, True

    def tick() -> float:
        nonlocal now, began
        if not began:
            now += seconds.pop(0) if len(seconds) > 1 else seconds[0]
        began = not began
        return now

    return tick


@pytest.mark.parametrize("method", ["vae", "dcgan", "pix2pix"])
def test_a_step_takes_its_phases_by_their_intervals(method: str, tmp_path: Path) -> None:
    recipe = recipe_for(method).with_options(
        **METHODS[method].tiny_options, device="cpu", batch_size=2, steps=10
    )
    spec = ImageSpec(3, 32, ("a", "b"))
    accelerator = make_accelerator(recipe.training, Run(tmp_path))
    before = torch.get_rng_state()
    pace = seconds_per_step(recipe, spec, accelerator, clock=clock([1.0]))
    assert torch.equal(torch.get_rng_state(), before)
    assert list(tmp_path.iterdir()) == []
    # Every phase takes a second of this clock, and so does the average of the weights.
    phases = METHODS[method](recipe.options, spec).phases()
    assert pace == pytest.approx(1 + sum(1 / phase.every for phase in phases))


def test_the_first_step_counts_only_where_it_is_enough(tmp_path: Path) -> None:
    recipe = recipe_for("vae").with_options(hidden=(4,), batch_size=2, device="cpu", steps=10)
    accelerator = make_accelerator(recipe.training, Run(tmp_path))
    spec = ImageSpec(1, 8)
    # A step is one phase and the average of the weights.
    assert seconds_per_step(recipe, spec, accelerator, clock=clock([1.0, 1.0, 0.5])) == 1.0
    assert seconds_per_step(recipe, spec, accelerator, 9.0, clock=clock([1.0, 1.0, 0.5])) == 2.0
    assert seconds_per_step(recipe, spec, accelerator, clock=clock([6.0, 6.0, 0.5])) == 12.0
