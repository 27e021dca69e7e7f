"""The tests mirror the package; README.md lists what is covered elsewhere, with the reason."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

import reverie

TESTS = Path(__file__).parent
PACKAGE = Path(reverie.__file__).parent
HEADER = "| source | covered by | why |"

Row = tuple[str, list[str], str]
"""A source file, the test files that cover it, and why they are not the file of its path."""


def rows_of(text: str) -> Iterator[Row]:
    """The rows of the table in README.md; paths stand in backticks, several divided by commas."""
    lines = iter(text.splitlines())
    assert any(line.strip() == HEADER for line in lines), f"README.md has no table {HEADER}"
    assert set(next(lines)) <= set("|- :")
    for line in lines:
        if not line.startswith("|"):
            return
        source, covered, why = (cell.strip() for cell in line.strip().strip("|").split("|"))
        yield source.strip("`"), [name.strip(" `") for name in covered.split(",")], why


def mirror_of(source: str) -> str:
    """The test file of a source file's path: `core/plugins.py`, `core/test_plugins.py`."""
    path = PurePosixPath(source)
    return str(path.with_name(f"test_{path.stem.strip('_')}.py"))


def sources() -> list[str]:
    """The source files that define something, relative to the package."""
    files = (path for path in sorted(PACKAGE.rglob("*.py")) if path.read_text().strip())
    return [path.relative_to(PACKAGE).as_posix() for path in files]


def gaps(sources: list[str], tests: set[str], rows: list[Row]) -> list[str]:
    """What is wrong between the source files, the test files and the table."""
    listed = {source for source, _, _ in rows}
    found = [
        f"{source} has neither {mirror_of(source)} nor a row"
        for source in sources
        if mirror_of(source) not in tests and source not in listed
    ]
    for source, covered, why in rows:
        if source not in sources:
            found.append(f"the row of {source} names no source file that defines something")
        elif mirror_of(source) in tests:
            found.append(f"the row of {source} is superfluous: there is {mirror_of(source)}")
        found += [
            f"{name}, which is to cover {source}, is missing"
            for name in covered
            if name not in tests
        ]
        if not why:
            found.append(f"the row of {source} gives no reason")
    twice = [source for source, count in Counter(s for s, _, _ in rows).items() if count > 1]
    return found + [f"{source} has two rows" for source in twice]


def test_every_source_file_has_its_tests() -> None:
    rows = list(rows_of((TESTS / "README.md").read_text(encoding="utf-8")))
    tests = {path.relative_to(TESTS).as_posix() for path in TESTS.rglob("test_*.py")}
    assert gaps(sources(), tests, rows) == []


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "b/c.py has neither b/test_c.py nor a row"),
        ([("b/c.py", ["test_d.py"], "so")], "test_d.py, which is to cover b/c.py, is missing"),
        ([("b/c.py", ["test_a.py"], "")], "the row of b/c.py gives no reason"),
        ([("b/c.py", ["test_a.py"], "so")] * 2, "b/c.py has two rows"),
        (
            [("b/c.py", ["test_a.py"], "so"), ("a.py", ["test_a.py"], "so")],
            "the row of a.py is superfluous: there is test_a.py",
        ),
        (
            [("b/c.py", ["test_a.py"], "so"), ("b/e.py", ["test_a.py"], "so")],
            "the row of b/e.py names no source file that defines something",
        ),
    ],
)
def test_each_gap_is_found(rows: list[Row], words: str) -> None:
    assert gaps(["a.py", "b/c.py"], {"test_a.py"}, rows) == [words]


def test_no_gap() -> None:
    rows: list[Row] = [("b/c.py", ["test_a.py"], "so")]
    assert gaps(["a.py", "b/c.py"], {"test_a.py"}, rows) == []
    table = f"words\n{HEADER}\n|---|---|---|\n| `b/c.py` | `test_a.py` | so |\n\n| no | row | . |\n"
    assert list(rows_of(table)) == rows
    assert mirror_of("methods/__init__.py") == "methods/test_init.py"
