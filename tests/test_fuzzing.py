"""The fuzzing helper notices what it is to notice."""

import ctypes
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from reverie.core.errors import UserError
from tests.fuzzing import (
    ODD_VALUES,
    assert_only_user_errors,
    damaged_bytes,
    damaged_json,
    named,
)


def _refuses(value: object) -> None:
    raise UserError(f"not {value}.")


def test_user_errors_and_results_pass() -> None:
    assert_only_user_errors(_refuses, range(3))
    assert_only_user_errors(len, ["", "x"])


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda value: 1 // value, "ZeroDivisionError"),
        (lambda value: bytearray(2**31), "MemoryError"),
        (lambda value: ctypes.string_at(0), "stopped by SIGSEGV"),
        (lambda value: time.sleep(60), "stopped by SIGALRM"),
        (lambda value: sum(iter(int, 1)), "stopped by SIGPROF"),
    ],
)
def test_everything_else_fails_and_names_the_input(
    function: Callable[[int], object], message: str
) -> None:
    with pytest.raises(AssertionError, match=rf"1 inputs failed(?s:.)*0\n(?s:.)*{message}"):
        assert_only_user_errors(function, [0], seconds=0.1)


def test_the_same_seed_draws_the_same_inputs() -> None:
    content = {"a": [1, {"b": None}], "c": "x"}
    for draw in (damaged_json, lambda c, n, s: damaged_bytes(json.dumps(c).encode(), n, s)):
        assert list(draw(content, 50, 3)) == list(draw(content, 50, 3))
        assert list(draw(content, 50, 3)) != list(draw(content, 50, 4))
        assert len(set(draw(content, 50, 3))) > 40
    assert content == {"a": [1, {"b": None}], "c": "x"}


def test_every_entry_is_replaced_by_every_odd_value() -> None:
    documents = set(damaged_json({"a": 1}, 20 * len(ODD_VALUES), 0))
    missing = [v for v in ODD_VALUES if json.dumps({"a": v}) not in documents]
    assert missing == []


def test_contents_are_written_in_turn(tmp_path: Path) -> None:
    read = [path.read_bytes() for path in named(tmp_path / "x", [b"1", "\ud800"])]
    assert read == [b"1", b"\xed\xa0\x80"]
