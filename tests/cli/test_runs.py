import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from reverie.cli.main import main
from reverie.runs.summary import RunSummary
from tests.runs.test_summary import make_run
from tests.training.test_report import begin, log

Captured = pytest.CaptureFixture[str]


class Terminal(io.StringIO):
    """Standard input of somebody who answers."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    return lambda word: monkeypatch.setattr(sys, "stdin", Terminal(word))


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_runs(capsys: Captured) -> None:
    assert main(["runs"]) == 2
    assert "runs: there is no such folder" in capsys.readouterr().err
    make_run(Path("runs/a"))
    assert main(["runs"]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("a ")
    assert main(["runs", "runs", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"][0]["folder"] == "runs/a"


def test_show(capsys: Captured) -> None:
    folder = make_run(Path("runs/a"))
    assert main(["show", "runs/a"]) == 2
    (folder / "samples/step-000020.png").touch()
    assert main(["show", "runs/a"]) == 0
    assert capsys.readouterr().out == "runs/a/samples/step-000020.png\n"
    (folder / "options.json").write_text("{")
    assert main(["show", "runs/a"]) == 0
    shown = capsys.readouterr()
    assert shown.out == "runs/a/samples/step-000020.png\n"
    assert "runs/a/options.json: this file cannot be read" in shown.err
    assert shown.err.count("\n") == 1


def test_open(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda url: bool(opened.append(url)) or True)
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    run = begin(Path("runs/a"))
    assert main(["open", "runs/a", "--json"]) == 0  # which writes it
    assert json.loads(capsys.readouterr().out) == {
        "report": "runs/a/report.html", "opened": False,
    }  # fmt: skip
    assert opened == []
    monkeypatch.setenv("DISPLAY", ":0")
    assert main(["open", "runs/a"]) == 0
    assert opened == [run.report.absolute().as_uri()]
    assert main(["open", "runs/b"]) == 2


def test_rm_asks(capsys: Captured, answer: Callable[[str], None]) -> None:
    folder = make_run(Path("runs/a"))
    answer("n\n")
    assert main(["rm", "runs/a"]) == 2
    answer("")  # Ctrl-D
    assert main(["rm", "runs/a"]) == 2
    assert folder.exists()
    capsys.readouterr()
    answer("y\n")
    assert main(["rm", "runs/a"]) == 0
    shown = capsys.readouterr()
    assert "Move 1 run (" in shown.err
    assert "reverie rm --restore runs/a brings it back" in shown.out
    assert main(["rm", "--restore", "runs/a"]) == 0
    assert folder.exists()


def test_rm_where_nobody_can_be_asked(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    folder = make_run(Path("runs/a"))
    assert main(["rm", "runs/a"]) == 2
    assert "add --yes" in capsys.readouterr().err
    assert main(["rm", "runs/a", "--yes"]) == 0
    assert not folder.exists()
    assert main(["rm", "--empty"]) == 2
    assert main(["rm", "--empty", "--yes", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["runs"] == ["a"]
    assert not Path("runs/.trash").exists()
    for wrong in (["rm"], ["rm", "--restore"], ["rm", "--empty", "a", "b"],
                  ["rm", "--restore", "--empty"]):  # fmt: skip
        assert main(wrong) == 2


def test_a_report_leaves_the_age_and_says_damage_once(capsys: Captured) -> None:
    run = begin(Path("runs/a"))
    log(run, 3)
    with open(run.log_file, "a") as file:
        file.write("damaged\n")
    for path in (*run.folder.rglob("*"), run.folder):
        os.utime(path, (1e9, 1e9))
    assert main(["report", "runs/a"]) == 0
    assert capsys.readouterr().err.count("damaged line is left out") == 1
    summary = RunSummary.of(run.folder)
    assert summary is not None
    assert summary.changed == 1e9


def test_they_answer_at_once() -> None:
    make_run(Path("runs/a"))
    code = (
        "import sys; from reverie.cli.main import main; main(['runs']); "
        "main(['rm', 'runs/a', '--yes']); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
