"""The report of a training that goes on."""

import json
import os
import socket
import threading
import time
from pathlib import Path

import pytest

import reverie
from reverie.core.lock import OWNER, is_held
from reverie.runs.run import Run
from reverie.training import watch
from tests.training.test_report import begin, log


def hold(run: Run) -> None:
    """As a training of this process would."""
    owner = {"pid": os.getpid(), "host": socket.gethostname(), "doing": "training"}
    (run.folder / OWNER).write_text(json.dumps(owner))


def test_it_is_renewed_until_the_training_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(watch, "SECONDS", 0.1)
    run = begin(tmp_path / "run", batch_size=8)
    hold(run)
    written: list[tuple[int, bool]] = []

    def write(run: Run, *, renewed: bool) -> None:
        written.append((len(run.read_log()), renewed))

    monkeypatch.setattr(watch, "write_report", write)
    thread = threading.Thread(target=watch.watch_report, args=(run,))
    thread.start()
    for lines in (1, 2):
        log(run, 1)
        end = time.monotonic() + 20
        while written[-1:] != [(lines, True)] and time.monotonic() < end:
            time.sleep(0.02)
    (run.folder / OWNER).unlink()
    thread.join(20)
    assert not thread.is_alive()
    assert written[-3:] == [(1, True), (2, True), (2, False)]
    assert "the report is complete" in capsys.readouterr().err


def test_the_page_of_a_training_loads_itself_again(tmp_path: Path) -> None:
    run = begin(tmp_path / "run")
    assert not is_held(run.folder)
    refresh = '<meta http-equiv="refresh"'
    assert refresh not in reverie.report(run.folder).report.read_text()
    hold(run)
    page = reverie.report(str(run.folder)).report.read_text()
    assert refresh in page
    assert "Training goes on" in page
    (run.folder / OWNER).write_text("{}")
    assert not is_held(run.folder)


def test_a_folder_without_a_run(tmp_path: Path) -> None:
    with pytest.raises(reverie.UserError, match="there is no run in this folder"):
        reverie.report(tmp_path)
