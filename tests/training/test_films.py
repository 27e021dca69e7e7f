import json
import re
from pathlib import Path

import pytest

from reverie.runs.run import Run
from reverie.training import films
from reverie.training.films import chosen_steps


def sheets(folder: Path, *steps: int, kind: str = "samples") -> Run:
    run = Run(folder)
    run.samples.mkdir(parents=True, exist_ok=True)
    for step in steps:
        run.sheet(step, kind).write_bytes(f"{kind} {step}".encode())
    return run


def data(page: str) -> list[list[int]]:
    """The steps of the slider, then those of the sheets of each run."""
    found = [json.loads(text) for text in re.findall(r"json\">(.*?)</script>", page)]
    return [[x[0] if isinstance(x, list) else x for x in entries] for entries in found]


def test_runs_side_by_side_at_equal_steps(tmp_path: Path) -> None:
    runs = {
        "a": sheets(tmp_path / "a", 0, 100, 200),
        "<b>": sheets(tmp_path / "b", 0, 100, 150),
        "none": sheets(tmp_path / "c"),
    }
    page = films.films(runs)
    assert data(page) == [[0, 100, 150, 200], [0, 100, 200], [0, 100, 150], []]
    assert page.count("<input") == 1
    assert "&lt;b&gt;" in page
    assert films.films({"none": runs["none"], "absent": Run(tmp_path / "absent")}) == ""


def test_kinds_have_sliders_of_their_own(tmp_path: Path) -> None:
    run = sheets(tmp_path / "a", 0, 100)
    sheets(tmp_path / "a", 0, kind="plane")
    page = films.films({"a": run})
    assert re.findall(r"<h2>(\w+)</h2>", page) == ["Samples", "Plane"]


def test_many_and_large_sheets_are_thinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = sheets(tmp_path / "a", *range(0, 1000, 5)).sheets()
    assert len(chosen_steps([found])) == films.MAX_STEPS
    monkeypatch.setattr(films, "MAX_BYTES", 50)
    few = chosen_steps([found, found])
    assert few == [0, 995]
