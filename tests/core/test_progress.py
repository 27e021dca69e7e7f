import io
import json
import re
import threading
from pathlib import Path

import pytest

from reverie.core import progress
from reverie.core.progress import printable, readable_seconds, readable_speed, say, warn


@pytest.mark.parametrize(
    ("per_second", "words"),
    [
        (1234.5, "1,234 images/s"),
        (12.4, "12 images/s"),
        (2.54, "2.5 images/s"),
        (0.5, "30 images/min"),
        (0.05, "3 images/min"),
    ],
)
def test_a_speed_is_never_rounded_to_nothing(per_second: float, words: str) -> None:
    assert readable_speed(per_second, "images") == words


def test_seconds_as_people_read_them() -> None:
    assert [readable_seconds(s) for s in (0.4, 75, 3700)] == ["0:00", "1:15", "1:01:40"]


@pytest.mark.parametrize(
    "name", ["[bold]x[/].png", "\\[red]x.png", "a\\[/].png", "[/nothing]", "é 字 🦊.png"]
)
def test_names_are_printed_as_they_are(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    say(name)
    warn(name)
    assert capsys.readouterr().err == f"{name}\nnote: {name}\n"


def test_what_cannot_be_shown_is_escaped() -> None:
    assert printable("a\nb\udcff\x1b[31m\u202ec\u2028") == r"a\nb\udcff\x1b[31m\u202ec\u2028"
    printable("".join(map(chr, [*range(0x3000), *range(0xD800, 0xE000), 0x10FFFF]))).encode()


class Closed(io.StringIO):
    """A standard error whose pipe was closed."""

    def write(self, text: str) -> int:
        raise BrokenPipeError

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stream", [None, Closed(), io.TextIOWrapper(io.BytesIO(), "ascii")])
def test_nothing_that_is_said_stops_the_work(
    stream: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr", stream)
    progress.say("×")
    progress.warn("×\ud800")
    with progress.Bar("work", 2) as bar:
        bar.update(1, "×")
    assert list(progress.track([1, 2], 2, "work")) == [1, 2]


def test_control_characters_are_written_as_escapes(capsys: pytest.CaptureFixture[str]) -> None:
    progress.warn("a\x1b[31m[bold]b\\[/]\udcff")
    assert capsys.readouterr().err == "note: a\\x1b[31m[bold]b\\[/]\\udcff\n"


def test_the_state_is_in_the_file_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "progress.json"
    monkeypatch.setenv("REVERIE_PROGRESS", str(file))
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_FILES", 0.0)
    with progress.Bar("gan", 8) as bar:
        bar.update(2, "step 2")
        first = json.loads(file.read_text())
        bar.update(4, "step 4")
        second = json.loads(file.read_text())
    assert first == {"label": "gan", "progress": 0.25, "text": "step 2", "seconds_left": None}
    assert second["progress"] == 0.5
    assert second["seconds_left"] >= 0
    assert [p.name for p in tmp_path.iterdir()] == ["progress.json"]
    monkeypatch.setenv("REVERIE_PROGRESS", str(tmp_path / "none" / "x"))
    with progress.Bar("gan", 2) as bar:
        bar.update(1)  # a file that cannot be written stops no work


def test_a_thread_can_be_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.silent():
        say("one")
        warn("two")
        assert list(progress.track([1, 2], 2, "counting")) == [1, 2]
        other = threading.Thread(target=say, args=("three",))
        other.start()
        other.join()
    say("four")
    assert capsys.readouterr().err == "three\nfour\n"


@pytest.mark.parametrize("columns", [30, 40, 60, 80, 120, 200])
@pytest.mark.parametrize("unit", ["", "images"])
def test_the_bar_is_one_line_with_percentage_and_time_left(
    columns: int, unit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    text = "step 12,345  1,234 images/s  " + "  ".join(f"discriminator_{n} 0.1" for n in range(9))
    with progress.Bar("a rather long name of a method", 100 if unit else 1.0, unit) as bar:
        bar.update(45 if unit else 0.45, text)
        assert bar._line is not None
        bar._line.progress.refresh()
    drawn = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", terminal.getvalue())
    lines = [line.rstrip() for line in drawn.replace("\r", "\n").split("\n") if line.strip()]
    assert any(("45/100" if unit else "45 %") in line for line in lines)
    assert any(":" in line for line in lines)
    assert all(len(line) <= columns for line in lines)
    assert any("step 12,345" in line for line in lines) == (columns >= 60)
