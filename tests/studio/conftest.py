import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")
pytest.importorskip("multipart")

from starlette.testclient import TestClient

from reverie.cli.verbs import CommandVerbs
from reverie.studio.app import Studio, build
from reverie.studio.home import Home
from reverie.studio.security import Guard

TOKEN = "t" * 40
SHORT = {"method": "vae", "data": "digits", "hidden": [8], "steps": 4, "log_every": 2}
LONG = SHORT | {"steps": 1_000_000, "log_every": 50, "sample_every": 10**6}
OVER = ("done", "failed", "interrupted")

Wait = Callable[..., dict[str, Any]]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """An empty home, which is the working directory, as the server makes it."""
    home = Home.at(tmp_path / "home")
    monkeypatch.chdir(home.folder)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return home


@pytest.fixture
def studio(home: Home) -> Studio:
    return Studio(home, CommandVerbs())


@pytest.fixture
def client(studio: Studio) -> Iterator[TestClient]:
    """A browser that has the token; its jobs end with it."""
    app = Guard(build(studio), TOKEN, frozenset(["testserver", "127.0.0.1:1"]))
    with TestClient(app, headers={"authorization": f"Bearer {TOKEN}"}) as client:
        yield client
        for job in studio.supervisor.store.queued():
            studio.supervisor.stop(job.id)
        for job in studio.supervisor.store.active():
            studio.supervisor.workers.stop(job, at_once=True)
        reap(studio)


def reap(studio: Studio) -> None:
    """Wait for the processes that a studio has started, which were asked to end."""
    for child in studio.supervisor.workers._children.values():
        child.wait()


@pytest.fixture
def wait(client: TestClient) -> Wait:
    """Wait until a job is over, or in a state."""

    def until(name: str, *states: str, seconds: float = 120.0) -> dict[str, Any]:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            job = client.get(f"/api/jobs/{name}").json()
            if job["state"] in (states or OVER):
                return job
            time.sleep(0.1)
        raise AssertionError(f"the job is {job['state']} after {seconds} seconds: {job['log']}")

    return until
