import json
from pathlib import Path

import pytest

from reverie.core.errors import UserError
from reverie.core.files import write_atomic
from reverie.core.result import Json
from reverie.methods.presets import recipe_for
from reverie.training.combinations import Axes, combine
from reverie.training.sweep_record import definition_of, record_in


def definition(axes: Axes, method: str = "vae", **options: int) -> dict[str, Json]:
    base = recipe_for(method).with_options(**options)
    return definition_of(base, axes, combine(base, axes))


def test_a_sweep_goes_on_with_more_values_and_with_nothing_else(tmp_path: Path) -> None:
    seeds = {"seed": [0, 1]}
    first = definition(seeds)
    assert (first["names"], first["axes"]) == (["seed=0", "seed=1"], ["seed"])
    assert record_in(tmp_path, first) is None
    content = {"sweep": first, "runs": [{"name": "seed=0", "state": "finished"}]}
    write_atomic(tmp_path / "sweep.json", json.dumps(content))
    assert record_in(tmp_path, definition({"seed": [2, 1, 0]})) == content
    for other, message in [
        (definition(seeds, "gan"), "is a sweep of vae, not of gan"),
        (definition({"latent_size": [2, 4]}), "goes through seed: give values for these"),
        (definition(seeds, steps=3), "has --steps None, not 3: leave it as it was"),
        (definition({"seed": [1]}), "also has seed=0: values can be added to it"),
    ]:
        with pytest.raises(UserError, match=message):
            record_in(tmp_path, other)
    (tmp_path / "sweep.json").write_text("{}")
    with pytest.raises(UserError, match=r"sweep\.json is no record of a sweep"):
        record_in(tmp_path, first)
