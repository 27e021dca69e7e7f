import json
import os
import sys
import time
from pathlib import Path

import pytest

from reverie.methods import METHODS
from reverie.methods.vae import VAE
from reverie.runs.run import Run
from reverie.training import child
from reverie.training.child import Child, Ending


def ended(one: Child) -> Ending:
    while one.runs:
        time.sleep(0.01)
    return one.ending("run")


def start(code: str, monkeypatch: pytest.MonkeyPatch) -> Child:
    """A child that does something else."""
    monkeypatch.setattr(child, "COMMAND", [sys.executable, "-c", code])
    return Child("gan", Path("run"), {}, 2)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("import os; os.abort()", "its process was ended by signal 6 (SIGABRT)."),
        ("import os; os.kill(os.getpid(), 9)", "its process was ended by signal 9 (SIGKILL), as"),
        ("raise KeyError('x')", "KeyError: 'x'"),
        ("import sys; sys.exit(3)", "its process ended with 3."),
    ],
)
def test_whatever_ends_a_child_is_said(
    monkeypatch: pytest.MonkeyPatch, code: str, error: str
) -> None:
    ending = ended(start(code, monkeypatch))
    assert not ending.finished
    assert ending.error is not None
    assert ending.error.startswith(error)


def test_what_a_child_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    one = start(
        "import json, os, sys; request = json.loads(sys.stdin.readline());"
        "print('note: careful', file=sys.stderr); print('gan 35%', file=sys.stderr);"
        "request['threads'] = os.environ['OMP_NUM_THREADS'];"
        "print('printed by a library'); print(json.dumps({'finished': False, 'error':"
        "json.dumps(request)}))",
        monkeypatch,
    )
    ending = ended(one)
    assert ending.error is not None
    assert json.loads(ending.error) == {
        "method": "gan", "class": None, "folder": str(Path("run").absolute()), "options": {},
        "threads": "2",
    }  # fmt: skip
    assert capsys.readouterr().err.splitlines() == ["note: run: careful"]


def test_a_child_that_is_stopped_before_it_began(monkeypatch: pytest.MonkeyPatch) -> None:
    one = start("import time; time.sleep(60)", monkeypatch)
    one.stop()
    assert ended(one) == Ending(finished=False)


def test_killed_children_are_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    one = start("import time; time.sleep(60)", monkeypatch)
    one.kill()
    assert not one.runs


class Own(VAE):
    """A method that is registered by hand."""


def test_a_method_of_a_module_is_registered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the child does, in this process."""
    monkeypatch.setattr(METHODS, "_registered", {})
    options = {"data": "digits", "steps": 1, "batch_size": 4, "hidden": [8], "latent_size": 2}
    request = {"method": "own", "class": f"{__name__}.Own", "folder": str(tmp_path / "run")}
    for more, answer in [
        ({}, {"finished": True}),
        ({"steps": 7}, {"finished": True}),  # the run that is there goes on with its own options
    ]:
        reading, writing = os.pipe()
        os.write(writing, json.dumps(request | {"options": options | more}).encode() + b"\n")
        with open(reading) as stdin:
            monkeypatch.setattr(sys, "stdin", stdin)
            child.main()
        assert json.loads(capsys.readouterr().out.splitlines()[-1]) == answer
        assert Run(tmp_path / "run").facts()["class"] == "tests.training.test_child.Own"
        assert Run(tmp_path / "run").recipe().training.steps == 1
