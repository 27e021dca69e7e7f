import json
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from reverie.core.result import Json
from reverie.studio.home import Home
from reverie.studio.jobs import Job, JobStore
from reverie.studio.workers import MARK, Progress, Workers


@pytest.fixture
def workers(home: Home) -> Workers:
    return Workers(home)


@pytest.fixture
def job(home: Home) -> Job:
    return JobStore(home.database).add("train", {}, [], None, None)


def said(workers: Workers, job: Job, out: Json, log: str = "") -> None:
    """What a process has printed, and said on standard error."""
    folder = workers.folder(job)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "stdout").write_text("" if out is None else json.dumps(out) + "\n")
    (folder / "stderr").write_text(log)


@pytest.mark.parametrize(
    ("out", "state", "message"),
    [
        ({"steps": 3, "finished": True}, "done", ""),
        ({"steps": 3, "finished": False}, "interrupted", "stopped; what was trained is saved"),
        ({"count": 2, "failed": {"a.png": "damaged"}}, "done", "1 left out"),
        ({"error": "no such data."}, "failed", "no such data."),
        (None, "interrupted", "its process was ended"),
        ([1], "interrupted", "its process was ended"),
    ],
)
def test_how_a_process_of_an_earlier_server_ended(
    workers: Workers, job: Job, out: Json, state: str, message: str
) -> None:
    """Its exit code is unknown: what it printed tells."""
    said(workers, job, out)
    ending = workers.ending(job)
    assert (ending.state, ending.message) == (state, message)


def test_half_an_answer_is_none(workers: Workers, job: Job) -> None:
    said(workers, job, None)
    (workers.folder(job) / "stdout").write_text('{"steps": 3, "finis')
    assert workers.ending(job).state == "interrupted"


def test_progress_is_what_was_last_written(workers: Workers, job: Job) -> None:
    assert workers.progress(job) == Progress(text="starting")
    said(workers, job, None, "fetching\ndecoding\n")
    assert workers.progress(job) == Progress(text="decoding")
    content = {"label": "gan", "progress": 0.25, "seconds_left": 9.0, "text": "step 3"}
    (workers.folder(job) / "progress.json").write_text(json.dumps(content))
    assert workers.progress(job) == Progress(0.25, 9.0, "gan: step 3")
    for damaged in ("{", "[]", "{}", "3"):
        (workers.folder(job) / "progress.json").write_text(damaged)
        assert workers.progress(job).text == "decoding"


def test_a_process_is_found_by_its_mark(
    workers: Workers, job: Job, home: Home, environment: dict[str, str]
) -> None:
    """The server was killed between starting it and writing down its number."""
    assert workers.find(job) is None
    mark = f"{home.folder}:{job.id}"
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    process = subprocess.Popen(command, env=environment | {MARK: mark}, start_new_session=True)
    found = workers.find(job)
    assert found is not None
    assert found.pid == process.pid
    workers.stop(job, at_once=True)
    process.wait(10)
    assert workers.find(job) is None


def test_another_process_with_the_same_number_is_not_it(
    workers: Workers, home: Home, tmp_path: Path
) -> None:
    store = JobStore(tmp_path / "x.sqlite")
    me = psutil.Process()
    job = store.add("train", {}, [], None, None)
    same = store.change(job, pid=me.pid, pid_started=me.create_time())
    assert workers.find(same) is not None
    assert workers.find(store.change(job, pid=me.pid, pid_started=1.0)) is None
    assert workers.find(store.change(job, pid=2**22 + 1, pid_started=1.0)) is None
