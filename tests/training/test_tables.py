from reverie.core.text_table import WIDTH
from reverie.training.figures import Spread
from reverie.training.tables import (
    figure_names,
    figures_text,
    results_table,
    shown_figure,
    shown_option,
)


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


def test_options_as_people_read_them() -> None:
    values = [None, (), (64, 32), False, 0.5, "auto"]
    assert [shown_option(x) for x in values] == ["–", "–", "64+32", "False", "0.5", "auto"]


def test_chosen_figures_come_first() -> None:
    assert figure_names([{"a": 1}, {"b": 1, "c": 1}], ["c", "x", "a"]) == ["c", "a", "b"]
    rows = [("one", {"final x": 1.0, "steps": 2}), ("other", {"final x": 1.0, "steps": 3})]
    assert figures_text(rows).split()[0] == "steps"
    assert figures_text(rows, ["final x"]).splitlines()[2].split() == ["one", "1", "2"]


def test_the_table_fits_a_terminal() -> None:
    rows = [
        (f"setting-{'x' * 70}-{n}", {f"loss number[digits, {m}, test]": m + n / 7 for m in
                                     range(20)} | {"same": 1.0, "final loss": 2.0 + n})
        for n in range(3)
    ]  # fmt: skip
    text = figures_text(rows)
    lines = text.splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert len(lines) == 5 + 3
    assert "…" in text
    assert "same" not in text
    assert "final" not in text
    assert figures_text([("a", {"steps": 2})]) == "   steps\na      2"
