import threading
import time
from collections.abc import Iterator

import pytest

from reverie.core.threads import AHEAD, in_threads


def test_results_are_in_order_whatever_takes_longer() -> None:
    def slow_at_first(number: int) -> int:
        time.sleep(0.02 if number % 7 == 0 else 0)
        return number * number

    assert list(in_threads(slow_at_first, range(100))) == [n * n for n in range(100)]
    assert list(in_threads(slow_at_first, [])) == []


def test_one_slow_item_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the first waits, a window of others is done."""
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    done, enough = [], threading.Event()

    def work(number: int) -> int:
        if number == 0:
            assert enough.wait(10)
        done.append(number)
        if len(done) == 2 * AHEAD - 1:
            enough.set()
        return number

    assert list(in_threads(work, range(50))) == list(range(50))


def test_no_more_than_the_window_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    taken = []

    def items() -> Iterator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    results = in_threads(lambda number: number, items())
    assert next(results) == 0
    assert len(taken) <= 2 * AHEAD + 1
    results.close()  # pyright: ignore[reportAttributeAccessIssue]
    assert len(taken) <= 2 * AHEAD + 1


def test_an_error_comes_in_its_place() -> None:
    def refuse(number: int) -> int:
        if number == 5:
            raise ValueError("five")
        return number

    results = in_threads(refuse, range(1000))
    assert [next(results) for _ in range(5)] == list(range(5))
    with pytest.raises(ValueError, match="five"):
        next(results)
