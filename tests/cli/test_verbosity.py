import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from reverie.cli.main import main, parse_command
from reverie.cli.verbosity import Verbosity
from reverie.core import progress

Captured = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("words", "quiet", "verbose"),
    [("x", False, False), ("x -q", True, False), ("--verbose x", False, True), ("-q -v x", 0, 1)],
)
def test_words(words: str, quiet: bool, verbose: bool) -> None:
    made, rest = Verbosity.of(words.split())
    assert (made.quiet, made.verbose, rest) == (quiet, verbose, ["x"])


def test_any_command_takes_them(tmp_path: Path) -> None:
    assert parse_command(["info", "x", "-q"]) == parse_command(["info", "x"])
    words = ["train", "vae", "--out", "x"]
    assert parse_command([*words, "--verbose"]) == parse_command(words)


def test_quiet_says_nothing_but_errors(
    capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.png").write_text("no image")
    Image.new("L", (8, 8)).save(tmp_path / "whole.png")
    said = []
    for quiet in ([], ["-q"]):
        shutil.rmtree("large", ignore_errors=True)
        assert main(["upscale", "broken.png", "whole.png", "-o", "large", *quiet]) == 1
        out, err = capsys.readouterr()
        assert out.startswith("1 image")
        said.append(err)
    assert "broken.png" in said[0]
    assert said[1] == ""
    assert main(["info", "nowhere", "-q"]) == 2
    assert "no run or model folder" in capsys.readouterr().err
    assert not progress.is_quiet()  # for what comes later in this process


def test_verbose_says_what_explains(capsys: Captured) -> None:
    assert main(["methods", "-v"]) == 0
    out, err = capsys.readouterr()
    assert "  vae " in out
    assert re.search(r"^reverie 0\.1\.0, Python 3\S+, .*\d seconds", err, re.M)
    assert main(["info", "nowhere", "-v"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1].startswith("reverie: nowhere: there is no run or model folder")


def said_on_a_terminal(environment: dict[str, str]) -> str:
    """What a note looks like on a terminal."""
    ours, theirs = pty.openpty()
    code = "from reverie.core import progress; progress.warn('look out')"
    subprocess.run([sys.executable, "-c", code], stderr=theirs, env=environment, check=True)
    os.close(theirs)
    text = os.read(ours, 1000).decode()
    os.close(ours)
    return text


def test_no_color_is_respected(environment: dict[str, str]) -> None:
    environment = environment | {"TERM": "xterm-256color"}
    environment.pop("NO_COLOR", None)
    assert "\x1b[1;33mnote:" in said_on_a_terminal(environment)
    without = said_on_a_terminal(environment | {"NO_COLOR": "1"})
    assert "33m" not in without
    assert "note:" in without
    assert "look out" in without
