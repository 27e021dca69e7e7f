import errno
import os

import pytest

from reverie.core.errors import UserError
from reverie.core.failures import Failures


def raising(error: Exception) -> Failures:
    failures = Failures()
    with failures.of("a.png"):
        raise error
    return failures


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (UserError("a.png: damaged."), "a.png: damaged."),
        (MemoryError(), "a.png: it does not fit into memory."),
        (OSError(errno.ENAMETOOLONG, "too long", "out/a.png"), "out/a.png: too long."),
        (OSError(errno.EACCES, "not allowed"), "a.png: not allowed."),
    ],
)
def test_the_error_of_one_file_is_kept(error: Exception, reason: str) -> None:
    assert raising(error).reasons == {"a.png": reason}


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT])
def test_errors_of_the_disk_escape(number: int) -> None:
    with pytest.raises(OSError, match=r"out\.png"):
        raising(OSError(number, os.strerror(number), "out.png"))


def test_defects_escape() -> None:
    with pytest.raises(ZeroDivisionError):
        raising(ZeroDivisionError())


def test_one_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    Failures({"a": "a: bad\nname", "b": "b: [bold]bad"}).report()
    assert capsys.readouterr().err.splitlines() == [
        r"note: left out: a: bad\nname",
        "note: left out: b: [bold]bad",
    ]


def test_nothing_could_be_done() -> None:
    failures = Failures({str(n): f"{n}: bad." for n in range(5)})
    said = str(failures.refuse(5, "translated"))
    assert said == "none of 5 images could be translated: 0: bad. 1: bad. 2: bad. And 2 more."
    assert str(Failures({"0": "0: bad."}).refuse(1, "x")).endswith("x: 0: bad.")
