"""The report of a training that goes on."""

import threading
import time
from pathlib import Path

import pytest

import reverie
from reverie.core.lock import is_locked
from reverie.runs.run import Run
from reverie.training import watch
from tests.training.test_report import begin, log


def test_it_is_renewed_until_the_training_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(watch, "SECONDS", 0.1)
    run = begin(tmp_path / "run", batch_size=8)
    written: list[tuple[int, bool]] = []

    def write(run: Run, *, renewed: bool) -> None:
        written.append((len(run.read_log()), renewed))

    monkeypatch.setattr(watch, "write_report", write)
    with run.lock():  # as a training
        thread = threading.Thread(target=watch.watch_report, args=(run,))
        thread.start()
        for lines in (1, 2):
            log(run, 1)
            end = time.monotonic() + 20
            while written[-1:] != [(lines, True)] and time.monotonic() < end:
                time.sleep(0.02)
    thread.join(20)
    assert not thread.is_alive()
    assert written[-3:] == [(1, True), (2, True), (2, False)]
    assert "the report is complete" in capsys.readouterr().err


def test_the_page_of_a_training_loads_itself_again(tmp_path: Path) -> None:
    run = begin(tmp_path / "run")
    assert not is_locked(run.folder)
    refresh = '<meta http-equiv="refresh"'
    assert refresh not in reverie.report(run.folder).report.read_text()
    with run.lock():
        page = reverie.report(str(run.folder)).report.read_text()
    assert refresh in page
    assert "Training goes on" in page
    assert not is_locked(run.folder)


def test_a_folder_without_a_run(tmp_path: Path) -> None:
    with pytest.raises(reverie.UserError, match="there is no run in this folder"):
        reverie.report(tmp_path)
