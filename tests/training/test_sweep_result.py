import json
import math
from pathlib import Path
from typing import Any

import pytest

from reverie.runs.run import Run
from reverie.training.child import Ending
from reverie.training.combinations import combine
from reverie.training.figures import Spread
from reverie.training.sweep_result import (
    State,
    SweepResult,
    SweepRun,
    settings_of,
)
from tests.training.test_combinations import GAN


def run(size: int, seed: int, state: State = "finished", error: str | None = None) -> SweepRun:
    name = f"latent_size={size},seed={seed}"
    options: dict[str, Any] = {"latent_size": size, "seed": seed}
    return SweepRun(name, Path(name), state, error, options, {"loss": float(size + seed)})


def result(*runs: SweepRun) -> SweepResult:
    return SweepResult(Path("s"), Path("s/sweep.html"), list(runs), settings_of(runs))


def test_seeds_of_one_setting_are_averaged() -> None:
    one, other = settings_of([run(2, 0), run(2, 2), run(4, 0), run(4, 1, "stopped")])
    assert (one.name, one.options) == ("latent_size=2", {"latent_size": 2})
    assert one.figures == {"loss": Spread(3.0, pytest.approx(2**0.5), 2)}
    assert other.figures == {"loss": Spread(4.0, None, 1)}  # the stopped one is left out


def test_without_seeds_there_are_no_settings() -> None:
    alone = SweepRun("latent_size=2", Path("x"), "finished", None, {"latent_size": 2}, {})
    assert settings_of([alone]) == []
    assert alone.label == "latent_size=2"


@pytest.mark.parametrize(
    ("states", "code"),
    [
        (["finished", "finished"], 0),
        (["finished", "failed"], 1),
        (["failed", "failed"], 1),
        (["failed", "stopped"], 130),
        (["finished", "waiting"], 130),
    ],
)
def test_exit_codes(states: list[State], code: int) -> None:
    runs = [run(2, n, state, "it broke." if state == "failed" else None) for n, state in
            enumerate(states)]  # fmt: skip
    found = result(*runs)
    assert found.exit_code == code
    said = found.summary()
    assert said.endswith("sweep.html")
    assert said.count("failed: it broke.") == states.count("failed")
    assert ("the same command goes on" in said) == (code == 130)


def test_how_a_run_ended(tmp_path: Path) -> None:
    one = combine(GAN, {"seed": [0]})[0]
    endings = {None: "waiting", Ending(True): "finished", Ending(False): "stopped"}
    endings |= {Ending(False, "x"): "failed"}
    for ending, state in endings.items():
        assert SweepRun.of(Run(tmp_path / "none"), one, ending).state == state


def test_json_has_no_nan() -> None:
    broken = SweepRun("a", Path("a"), "failed", "x", {"hidden": (1, 2)}, {"loss": math.nan})
    text = json.dumps(result(broken).to_json(), allow_nan=False)
    assert json.loads(text)["runs"][0] | {"options": 0} == {
        "name": "a", "folder": "a", "state": "failed", "error": "x", "options": 0,
        "figures": {"loss": None},
    }  # fmt: skip
