import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.core.result import INTERRUPTED, Json, Result, counted, lines_of, plain

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@dataclass(frozen=True)
class Point:
    x: int
    where: Path


@dataclass(frozen=True)
class Made(Result):
    files: list[Path]
    shares: dict[str, float]
    pairs: tuple[tuple[int, int], ...]
    inner: "Made | None" = None
    point: Point | None = None

    def summary(self) -> str:
        return f"{len(self.files)} files"


@given(JSON)
def test_json_stays_as_it_is(value: Json) -> None:
    assert plain(value) == value
    assert json.loads(json.dumps(plain(value))) == value


def test_a_result_becomes_json() -> None:
    point = Point(3, Path("there"))
    inner = Made([Path("c.png")], {}, ())
    made = Made([Path("a/b.png")], {"x": 0.5}, ((1, 2), (3, 4)), inner, point)
    expected = {
        "files": ["a/b.png"],
        "shares": {"x": 0.5},
        "pairs": [[1, 2], [3, 4]],
        "inner": {"files": ["c.png"], "shares": {}, "pairs": [], "inner": None, "point": None},
        "point": {"x": 3, "where": "there"},
    }
    assert made.to_json() == expected
    assert json.loads(json.dumps(made.to_json())) == expected


def test_keys_become_strings() -> None:
    assert plain({1: Path("x"), ("a",): 2}) == {"1": "x", "('a',)": 2}


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", Point])
def test_what_json_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="is not a part of a result"):
        plain(value)


def test_exit_codes() -> None:
    class Stopped(Made):
        @property
        def exit_code(self) -> int:
            return INTERRUPTED

    assert Made([], {}, ()).exit_code == 0
    assert Stopped([], {}, ()).exit_code == 130  # 128 + SIGINT, as a shell reports it


def test_a_result_must_have_a_summary() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Result()  # type: ignore[abstract]


def test_facts_as_lines() -> None:
    facts = {"steps": 1200, "loss": 0.123456, "parts": {"a": 1, "long name": 2.0}, "broken": {}}
    assert lines_of(facts) == "\n".join(
        [
            "steps   1200",
            "loss    0.1235",
            "parts:",
            "  a          1",
            "  long name  2",
            "broken: none",
        ]
    )
    assert lines_of({}) == ""


def test_numbers_of_things_in_words() -> None:
    assert [counted(n, "image") for n in (0, 1, 2, 1200)] == [
        "0 images",
        "1 image",
        "2 images",
        "1,200 images",
    ]
