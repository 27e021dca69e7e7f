import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.core.interval import Interval, IntervalForm
from reverie.core.options import InvalidValue


@pytest.mark.parametrize(
    ("given_as", "steps", "seconds", "stored"),
    [
        (500, 500, None, 500),
        ("500", 500, None, 500),
        ("30s", None, 30.0, "30s"),
        ("90 s", None, 90.0, "90s"),
        ("1.5m", None, 90.0, "90s"),
        ("0.5s", None, 0.5, "0.5s"),
        ("120s", None, 120.0, "2m"),
        ("2H", None, 7200.0, "2h"),
        ("500 or 30s", 500, 30.0, "500 or 30s"),
        ("30s or 500", 500, 30.0, "500 or 30s"),
    ],
)
def test_forms(given_as: object, steps: int | None, seconds: float | None, stored: object) -> None:
    assert Interval.of(given_as) == (steps, seconds)
    assert IntervalForm().parse(given_as) == stored
    assert Interval.of(stored) == (steps, seconds)


@pytest.mark.parametrize(
    "wrong", ["", "0", "0s", 0, -3, 2.5, True, None, "ten", "5 s 3", "1 or 2", "1s or 2s"]
)
def test_what_is_no_interval(wrong: object) -> None:
    with pytest.raises(InvalidValue, match="a number of steps, a time as 30s, 5m or 1h"):
        Interval.of(wrong)


@given(st.integers(1, 10**9), st.integers(1, 10**6))
def test_what_is_stored_is_read_back(steps: int, seconds: int) -> None:
    interval = Interval(steps, float(seconds))
    assert Interval.of(interval.option) == interval


def test_when_it_is_due() -> None:
    both = Interval.of("4 or 10s")
    assert [both.is_due(step, waited) for step, waited in ((3, 9), (4, 0), (5, 10))] == [
        False, True, True,
    ]  # fmt: skip
    assert not Interval.of("10s").is_due(4, 0.0)
    assert not Interval.of(4).is_due(5, 1e9)


def test_only_steps_are_scaled() -> None:
    assert Interval.of("500 or 30s").times(0.1).option == "50 or 30s"
    assert Interval.of(3).times(0.1).option == 1
    assert Interval.of("30s").times(0.1).option == "30s"
