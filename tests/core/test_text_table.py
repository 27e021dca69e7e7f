import pytest
from rich.cells import cell_len

from reverie.core.text_table import aligned, fitted, shortened, terminal_width


def test_columns_stand_below_each_other() -> None:
    rows = [("name", "steps"), ("a", "1,000"), ("long", "5")]
    assert aligned(rows, right=(1,)) == "name  steps\na     1,000\nlong      5"
    assert aligned([("日本", "x"), ("a", "y")]) == "日本  x\na     y"


def test_long_texts_are_shortened() -> None:
    assert shortened("abcdef", 6) == "abcdef"
    assert shortened("abcdef", 5) == "abcd…"
    assert cell_len(shortened("日本語日本語", 6)) <= 6


def test_a_row_fits() -> None:
    rows = [["a" * 50, "12", "b" * 40], ["c", "3", "d"]]
    found = fitted(rows, 40, (0, 2))
    assert [cell[-1] for cell in (found[0][0], found[0][2])] == ["…", "…"]
    assert found[0][1] == "12"
    assert len(aligned(found).splitlines()[0]) == 40
    assert found[1] == rows[1]
    narrow = fitted(rows, 5, (0, 2))  # no narrower than eight
    assert [len(cell) for cell in narrow[0]] == [8, 2, 8]


def test_a_terminal_has_80_columns_at_least(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert terminal_width() == 80
    monkeypatch.setenv("COLUMNS", "132")
    assert terminal_width() == 132
