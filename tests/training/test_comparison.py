from pathlib import Path

import pytest

from reverie.core.errors import UserError
from reverie.training.comparison import (
    differing_options,
    results_table,
    shown_figure,
    write_comparison,
)
from reverie.training.figures import Spread
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


def test_figures_as_people_read_them() -> None:
    assert shown_figure(Spread(129.65, 1.987, 2)) == "129.7 ± 2"
    assert shown_figure(Spread(1104.6, 111.7, 2)) == "1,105 ± 112"
    assert shown_figure(Spread(28.53, 21.6, 2)) == "28.53 ± 22"
    assert shown_figure(Spread(300.0, 0.0, 2)) == "300"
    assert shown_figure(Spread(0.5, None, 1)) == "0.5"
    assert [shown_figure(x) for x in (51937, float("nan"), 1e300, None)] == [
        "51,937", "nan", "1e+300", "–",
    ]  # fmt: skip


def test_names_in_a_table_are_escaped() -> None:
    table = results_table([("<a>", {}, {"loss <b>": 1.0}), ("c", {}, {"loss <b>": float("inf")})])
    assert "<a>" not in table
    assert "loss &lt;b&gt;" in table
    assert '<td data-value="">–</td>' in table
