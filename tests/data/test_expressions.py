"""Sums of named groups: what they mean, and where they go wrong."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.core.errors import UserError
from reverie.data.expressions import MOST_TOKENS, parse_sum

NAMES = ("Male", "Eyeglasses", "Smiling", "Wearing_Hat", "Mustache")
TABLE = np.array([[bool(n >> bit & 1) for bit in range(len(NAMES))] for n in range(32)])


def lookup(name: str) -> np.ndarray:
    return TABLE[:, NAMES.index(name)]


def test_the_sum_of_the_literature() -> None:
    text = "Smiling & Male + Wearing_Hat − !Wearing_Hat + 0.5 * (Mustache | !Male)"
    terms = parse_sum(text, NAMES)
    assert [t.weight for t in terms] == [1, 1, -1, 0.5]
    assert [t.text for t in terms] == [
        "Smiling & Male", "Wearing_Hat", "!Wearing_Hat", "(Mustache | !Male)",
    ]  # fmt: skip
    expected = [
        lookup("Smiling") & lookup("Male"),
        lookup("Wearing_Hat"),
        ~lookup("Wearing_Hat"),
        lookup("Mustache") | ~lookup("Male"),
    ]
    for term, mask in zip(terms, expected, strict=True):
        np.testing.assert_array_equal(term.members(lookup), mask)


@pytest.mark.parametrize(
    ("text", "python"),
    [
        ("Male & Smiling | Mustache", "(Male and Smiling) or Mustache"),
        ("Male & (Smiling | Mustache)", "Male and (Smiling or Mustache)"),
        ("!Male & Smiling", "(not Male) and Smiling"),
        ("!(Male & Smiling)", "not (Male and Smiling)"),
        ("!!Male", "Male"),
        ("Male|Smiling&Mustache", "Male or (Smiling and Mustache)"),
    ],
)
def test_binding(text: str, python: str) -> None:
    (term,) = parse_sum(text, NAMES)
    mask = term.members(lookup)
    for row, said in zip(TABLE, mask, strict=True):
        assert eval(python, dict(zip(NAMES, map(bool, row), strict=True))) == said


TERMS = st.tuples(st.sampled_from(NAMES), st.integers(1, 9), st.booleans())


@given(st.lists(TERMS, min_size=1, max_size=MOST_TOKENS // 4))
def test_any_sum_of_names(parts: list[tuple[str, int, bool]]) -> None:
    text = " ".join(f"{'-' if minus else '+'} {n} * {name}" for name, n, minus in parts)
    terms = parse_sum(text.removeprefix("+ "), NAMES)
    assert [(t.text, t.weight) for t in terms] == [
        (name, -n if minus else n) for name, n, minus in parts
    ]


@pytest.mark.parametrize(
    ("text", "said", "place"),
    [
        ("Male & Smilin", "no attribute 'Smilin'; did you mean 'Smiling'?", 7),
        ("Male &", "not the end", 6),
        ("Male Smiling", "expected + or - before 'Smiling'", 5),
        ("(Male | Smiling", "not closed", 0),
        ("Male + $Smiling", "'$' is not part of the syntax", 7),
        ("2 Male", "a number is followed by *", 2),
        ("", "not the end", 0),
        ("+ Male", "not '+'", 0),
        ("Male) + Smiling", "before ')'", 4),
    ],
)
def test_errors_point_at_the_place(text: str, said: str, place: int) -> None:
    with pytest.raises(UserError) as caught:
        parse_sum(text, NAMES)
    message, shown, mark = str(caught.value).split("\n")
    assert said in message
    assert shown == f"  {text}"
    assert mark == f"  {' ' * place}^"
