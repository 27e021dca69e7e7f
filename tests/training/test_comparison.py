from pathlib import Path

import pytest

from reverie.core.errors import UserError
from reverie.runs.run import Run
from reverie.training.comparison import differing_options, write_comparison
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


def test_a_page_is_not_overwritten_unasked(tmp_path: Path) -> None:
    runs, page = [begin(tmp_path / name) for name in "ab"], tmp_path / "page.html"
    page.write_text("mine")
    with pytest.raises(UserError, match="exists: name another page by --out, or add --overwrite"):
        write_comparison(runs, page)
    assert page.read_text() == "mine"
    assert "mine" not in write_comparison(runs, page, overwrite=True).page.read_text()


def test_what_a_terminal_shows(tmp_path: Path) -> None:
    one, other = begin(tmp_path / "one", seed=1), begin(tmp_path / "other", seed=2)
    log(one, 3)
    for step, distance in ((1, 7.0), (2, 5.0), (3, 6.0)):
        figures = {"distance[x, 9]": distance, "recall": 0.5}
        other.log_evaluation({"step": step, "seconds": 1.0, "figures": figures})
    text = write_comparison([one, other], tmp_path / "page.html").summary()
    results, options, page = text.split("\n\n")
    assert results.splitlines()[-2].split() == [
        "one",
        "–",
        "–",
        "0.1",
        "1,134,344",
        "–",
        "33.33",
        "3",
    ]
    assert results.splitlines()[-1].split()[:3] == ["other", "5", "6"]
    assert options.splitlines() == ["      one  other", "seed    1      2"]
    assert page.endswith("page.html")


def test_twenty_runs_fit_a_terminal(tmp_path: Path) -> None:
    many = [
        begin(tmp_path / f"a run with a long name {n:02d}", seed=n, learning_rate=0.1 / (n + 1))
        for n in range(20)
    ]
    result = write_comparison(many, tmp_path / "page.html")
    lines = result.summary().splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) == 45  # two tables, of a heading and twenty runs, and the page
    page = result.page.read_text()
    assert "<h1>20 runs</h1>" in page
    options = page[page.index("Differing options") : page.index("<h2>Losses")]
    assert options.count("<tr>") == 21  # runs below each other


def test_many_options_of_many_runs(tmp_path: Path) -> None:
    runs = [begin(tmp_path / f"{n}", seed=n) for n in range(6)]
    changed = {"batch_size": 3, "beta1": 0.1, "beta2": 0.2, "decay": "linear", "flip": True,
               "jitter": True, "hidden": (5, 6)}  # fmt: skip
    runs += [begin(tmp_path / "other", **changed)]
    result = write_comparison(runs, tmp_path / "page.html")
    assert '<table class="upright">' in result.page.read_text()
    assert "<td>5+6</td>" in result.page.read_text()
    assert max(map(len, result.summary().splitlines())) <= 80


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
