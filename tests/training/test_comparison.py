from pathlib import Path

import pytest

import reverie
from reverie.cli.main import main
from reverie.core.errors import UserError
from reverie.runs.run import Run
from reverie.training.comparison import CompareResult, differing_options, write_comparison
from tests.training.test_report import begin, log


def test_options_that_differ(tmp_path: Path) -> None:
    one, other = begin(tmp_path / "one", seed=1), begin(tmp_path / "other", seed=2, flip=True)
    assert differing_options([one, other]) == {"seed": [1, 2], "flip": [False, True]}
    assert differing_options([one, one]) == {}


def test_a_comparison(tmp_path: Path) -> None:
    one, other = begin(tmp_path / "<one>", seed=1), begin(tmp_path / "other", seed=2)
    log(one, 2)
    result = write_comparison([one, other], tmp_path / "page.html")
    assert result.differing == {"seed": {"<one>": 1, "other": 2}}
    page = result.page.read_text()
    assert "<tr><td>seed</td><td>1</td><td>2</td></tr>" in page
    assert "<h1>&lt;one&gt; · other</h1>" in page
    assert "no samples yet" in page
    assert page.index("<h2>Results") < page.index("<h2>Differing options") < page.index("<svg")
    assert result.summary().endswith("page.html")
    with pytest.raises(UserError, match="two runs or more"):
        write_comparison([one], tmp_path / "page.html")


def test_a_folder_stands_for_the_runs_in_it(tmp_path: Path) -> None:
    for name in ("s/seed=0", "s/seed=1", "other"):
        begin(tmp_path / name)
    result = reverie.compare([tmp_path / "other", tmp_path / "s"], tmp_path / "page.html")
    assert list(result.figures) == ["other", "seed=0", "seed=1"]
    assert main(["compare", str(tmp_path / "s"), "--out", str(tmp_path / "two.html")]) == 0
    assert "seed=1" in (tmp_path / "two.html").read_text()
    assert main(["compare", str(tmp_path / "other"), "--out", str(tmp_path / "1.html")]) == 2


def test_a_page_is_not_overwritten_unasked(tmp_path: Path) -> None:
    runs, page = [begin(tmp_path / name) for name in "ab"], tmp_path / "page.html"
    page.write_text("mine")
    with pytest.raises(UserError, match="exists: name another page by --out, or add --overwrite"):
        write_comparison(runs, page)
    assert page.read_text() == "mine"
    assert "mine" not in write_comparison(runs, page, overwrite=True).page.read_text()


def test_what_a_terminal_shows() -> None:
    figures = {
        "one": {"loss": 33.33, "minutes": 0.1, "parameters": 1000},
        "other": {"best d[x, 9]": 5.0, "final d[x, 9]": 6.0, "minutes": 2, "parameters": 1000},
    }
    text = CompareResult(Path("page.html"), figures, {"seed": {"one": 1, "other": 2}}).summary()
    assert text.splitlines() == [
        "       best  final",
        "          d      d",
        "        [x,    [x,",
        "         9]     9]  minutes  parameters   loss",
        "one       –      –      0.1       1,000  33.33",
        "other     5      6        2       1,000      –",
        "",
        "      one  other",
        "seed    1      2",
        "",
        "page.html",
    ]


def test_twenty_runs_fit_a_terminal() -> None:
    names = [f"a run with a long name, the number is {n:02d}" for n in range(20)]
    figures = {name: {f"loss {n}": 1.0 for n in range(9)} for name in names}
    differing = {f"option_{n}": dict.fromkeys(names, "a long value " * 9) for n in range(30)}
    lines = CompareResult(Path("page.html"), figures, differing).summary().splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) < 50
    assert "and 28 more options that differ, on the page" in lines
    two = {option: {"a": 1, "b": None} for option in differing}
    lines = CompareResult(Path("page.html"), {"a": {}, "b": {}}, two).summary().splitlines()
    assert lines[-3] == "and 15 more options that differ, on the page"
    assert "option_14  1  –" in lines


def test_many_options_of_many_runs(tmp_path: Path) -> None:
    runs = [begin(tmp_path / f"{n}", seed=n) for n in range(4)]
    changed = {"beta1": 0.1, "beta2": 0.2, "decay": "linear", "flip": True, "hidden": (5, 6)}
    runs += [begin(tmp_path / "other", **changed)]
    page = write_comparison(runs, tmp_path / "page.html").page.read_text()
    assert "<h1>5 runs</h1>" in page
    options = page[page.index("Differing options") : page.index("<h2>Losses")]
    assert '<table class="upright">' in options
    assert "<td>5+6</td>" in options
    assert options.count("<tr>") == 7  # rows are options
    alike = [*runs[:4], begin(tmp_path / "5", seed=5)]
    page = write_comparison(alike, tmp_path / "x.html").page.read_text()
    assert '<td data-value="5">5</td>' in page  # rows are runs


def test_a_run_that_is_named_twice(tmp_path: Path) -> None:
    run = begin(tmp_path / "run")
    (tmp_path / "link").symlink_to(run.folder)
    result = write_comparison([run, Run(tmp_path / "link")], tmp_path / "page.html")
    assert list(result.figures) == ["run"]
    assert result.to_json()["differing"] == {}
    assert "<p>none</p>" in result.page.read_text()


def test_runs_of_the_same_name_are_told_apart(tmp_path: Path) -> None:
    runs = [begin(tmp_path / folder / "run", seed=n) for n, folder in enumerate("ab")]
    differing = write_comparison(runs, tmp_path / "page.html").differing
    assert list(differing["seed"]) == [str(run.folder) for run in runs]


def test_the_figures_of_a_comparison(tmp_path: Path) -> None:
    one, other = begin(tmp_path / "one", seed=1), begin(tmp_path / "other", seed=2)
    log(one, 3)
    page = write_comparison([one, other], tmp_path / "page.html").page.read_text()
    cells = page[page.index("<tbody>") : page.index("</tbody>")]
    assert '<td data-value="33.333333333333336">33.33</td>' in cells  # 100 / 3
    assert '<td data-value="3">3</td>' in cells
    assert '<td data-value="">–</td>' in cells  # the other has no losses
