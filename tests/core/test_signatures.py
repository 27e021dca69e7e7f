import functools

import pytest

from reverie.core.signatures import takes


@pytest.mark.parametrize(
    ("function", "counts"),
    [
        (lambda: 0, {0}),
        (lambda a, b=1: 0, {1, 2}),
        (lambda *a: 0, {0, 1, 2, 3}),
        (lambda a, *, b: 0, set()),
        (functools.partial(lambda a, b: 0, 1), {1}),
        (functools.partial(lambda a, b: 0, b=1), {1}),
        (int.__add__, {2}),
        (3, set()),
        (max, {0, 1, 2, 3}),  # which does not say it
    ],
)
def test_what_can_be_given(function: object, counts: set[int]) -> None:
    assert {count for count in range(4) if takes(function, count)} == counts
