"""Damaged run folders: options.json, log.jsonl, evaluations.jsonl and the names of sheets."""

import json
from pathlib import Path
from typing import Any

import pytest

import reverie
from reverie.data import DataOptions, open_dataset
from reverie.methods.presets import recipe_for
from reverie.runs.run import Run, best_evaluation, find_run
from reverie.training.comparison import differing_options
from reverie.training.diagnostics import diagnose
from reverie.training.report import write_report
from reverie.training.resume import base_recipe
from tests.fuzzing import assert_only_user_errors, damaged_json, deep, named, rounds

LOG_LINE: dict[str, Any] = {
    "step": 1, "seconds": 2.0, "images_seen": 8, "images_per_second": 4.0, "waiting_share": 0.1,
    "learning_rate": 0.01, "losses": {"bound": 1.5, "bound/kl": 2}, "troubles": ["it (1) rises"],
    "diversity": {"samples/modes": 0.5},
}  # fmt: skip
EVALUATION: dict[str, Any] = {"step": 1, "seconds": 2.0, "figures": {"frechet_distance[x]": 3.0}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = Run(tmp_path_factory.mktemp("runs") / "run")
    recipe = recipe_for("vae").with_options(data="digits")
    run.begin(recipe, open_dataset(DataOptions(data="digits")))
    run.log(LOG_LINE)
    run.log_evaluation(EVALUATION)
    return run.folder


def read_run(folder: Path) -> None:
    """All that reads a run, but the plot."""
    run = find_run(folder)
    reverie.info(folder)
    differing_options([run, run])
    base_recipe("vae", folder, None, resume=True)
    lines = [line | {"step": 600 + number} for number, line in enumerate(run.read_log())]
    diagnose(lines * 5, run.recipe().options)
    json.dumps([run.read_log(), run.read_evaluations(), run.sheet_kinds()])
    if run.read_evaluations():
        best_evaluation(run)


@rounds(60, 2000)
def test_options(folder: Path, count: int, seed: int) -> None:
    file = folder / "options.json"
    before = file.read_text()
    contents = damaged_json(json.loads(before), count, seed)
    assert_only_user_errors(lambda _: read_run(folder), named(file, contents))
    file.write_text(before)


@rounds(30, 1500)
@pytest.mark.parametrize(("name", "line"), [("log", LOG_LINE), ("evaluations", EVALUATION)])
def test_lines(folder: Path, name: str, line: dict[str, Any], count: int, seed: int) -> None:
    file = folder / f"{name}.jsonl"
    before = file.read_text()
    contents = (f"{text}\n{before}" for text in damaged_json(line, count, seed))
    assert_only_user_errors(lambda _: read_run(folder), named(file, contents))
    file.write_text(before)


LINES = (
    "1", "null", "[]", '"x"', "{}", "{", "[" * 100_000, "9" * 5000, "\xff\xfe", "\0\0", "\u2028",
    '{"step": 1, "step": "x"}', json.dumps(LOG_LINE)[:-1], json.dumps(LOG_LINE | {"step": 10**400}),
    json.dumps(LOG_LINE | {"losses": {"a": "x"}}), json.dumps(LOG_LINE | {"losses": deep(20)}),
    json.dumps(LOG_LINE | {"losses": {"\ud800": 1.0}}), json.dumps(LOG_LINE | {"troubles": [[1]]}),
    json.dumps(LOG_LINE | {"diversity": 1}), json.dumps(LOG_LINE | {"diversity": {"x": "x"}}),
    json.dumps(LOG_LINE | {"losses": {f"x{n}": 1.0 for n in range(5000)}}),
)  # fmt: skip
PLOTTED = (
    {"losses": {"$a$b$c": 1.0, "$\\frac": 2.0}}, {"losses": {"_x": float("nan")}},
    {"losses": {"<b>&": float("inf"), "a/": -float("inf")}}, {"losses": {}}, {"troubles": []},
    {"losses": {"a": 1e308, "b": -1e308, "c": 5e-324}}, {"losses": {"\ud800": 1.0, "\0": 2.0}},
    {"step": 2**63, "seconds": 1e300, "images_per_second": 1e300, "waiting_share": 1e300},
)  # fmt: skip


def test_reports_of_damaged_logs(folder: Path) -> None:
    file = folder / "log.jsonl"
    before = file.read_text()
    contents = ["\n".join([before, *LINES, before])]
    contents += [f"{before}{json.dumps(LOG_LINE | change)}\n" for change in PLOTTED]
    contents += [json.dumps(LOG_LINE | change) + "\n" for change in PLOTTED[1:4]]
    assert_only_user_errors(lambda _: write_report(Run(folder)), named(file, contents))
    file.write_text(before)
    page = (folder / "report.html").read_bytes()
    assert page.decode()  # lone surrogates became escapes
    assert b"\\ud800" in page or b"<svg" in page


def test_damaged_lines_are_said_and_the_others_read(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = folder / "log.jsonl"
    before = file.read_text()
    file.write_text(before + "17\n" + before + "null\n" + '{"step": 3, "se')
    assert [line["step"] for line in Run(folder).read_log()] == [1, 1]
    file.write_text(before)
    said = " ".join(capsys.readouterr().err.split())
    assert "log.jsonl: 2 damaged lines are left out, the first is line 2." in said


SHEETS = (
    "step-abcdef.png", "step-000001.png", "step-1234567.png", "step-000001-plane.png", "step-.png",
    "step-٠٠٠٠٠١.png", "step-000002-<img src=x onerror=alert(1)>.png", "step--00001.png",
    "step-000003-.png", "step-9999999999999999999999.png", "step-1e0000.png", "step-000004.png",
)  # fmt: skip


def test_names_of_sheets(folder: Path) -> None:
    samples = folder / "samples"
    samples.mkdir()
    for name in SHEETS:
        (samples / name).write_bytes(b"x")
    (samples / "step-000009.png").mkdir()
    run = Run(folder)
    assert list(run.sheets()) == [1, 4, 1234567]
    assert run.sheet_kinds() == ["samples", "<img src=x onerror=alert(1)>", "plane"]
    assert "<img src=x" not in write_report(run).read_text()
