"""The server as a process, and what is left when it is killed."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest
from PIL import Image

pytest.importorskip("uvicorn")

from tests.studio.conftest import LONG, SHORT

COUNT = 60


class Server:
    """A `reverie studio` in a process of its own; `place` ends those that a test has left."""

    started: ClassVar[list["Server"]] = []

    def __init__(self, home: Path, environment: dict[str, str], port: str = "0") -> None:
        command = [sys.executable, "-m", "reverie", "studio", "--no-browser", "--port", port]
        self.process = subprocess.Popen(
            [*command, "--home", str(home)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        Server.started.append(self)
        assert self.process.stdout is not None
        address = self.process.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:"), self.process.communicate()
        self.address, _, self.token = address.partition("/?token=")

    def ask(self, path: str, body: object = None) -> Any:
        request = urllib.request.Request(
            self.address + path,
            None if body is None else json.dumps(body).encode(),
            {"authorization": f"Bearer {self.token}"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def until(self, name: str, *states: str) -> dict[str, Any]:
        for _ in range(900):
            job = self.ask(f"/api/jobs/{name}")
            if job["state"] in states:
                return job
            time.sleep(0.1)
        raise AssertionError(job)

    def end(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)
        self.process.communicate(timeout=30)


@pytest.fixture
def place(tmp_path: Path, environment: dict[str, str]) -> Iterator[Path]:
    yield tmp_path / "home"
    end_all(tmp_path)


def end_all(folder: Path) -> None:
    """End the servers that a test has left, and what they have started in a folder."""
    subprocess.run(["pkill", "-9", "-f", str(folder)], check=False)
    while Server.started:
        Server.started.pop().process.communicate()


def test_killed_and_started_again_nothing_is_lost(place: Path, environment: dict[str, str]) -> None:
    one = Server(place, environment)
    body = {"verb": "train", "options": LONG | {"out": "runs/long"}}
    first = one.ask("/api/jobs", body)["id"]
    second = one.ask("/api/jobs", {"verb": "train", "options": SHORT | {"out": "runs/s"}})["id"]
    one.until(first, "running")
    one.end(signal.SIGKILL)
    two = Server(place, environment)
    assert two.token == one.token  # pages that are open go on working
    running = two.until(first, "running")
    assert running["started"] is not None
    assert two.ask(f"/api/jobs/{second}")["state"] == "queued"
    assert two.ask(f"/api/jobs/{first}/stop", {})["state"] == "stopping"
    assert two.until(first, "interrupted", "done")["state"] == "interrupted"
    assert two.until(second, "done", "failed")["state"] == "done"
    events = urllib.request.Request(
        two.address + "/api/events", headers={"authorization": f"Bearer {two.token}"}
    )
    with urllib.request.urlopen(events, timeout=30) as stream:
        lines = [stream.readline().decode() for _ in range(3)]
        assert lines[1] == "event: jobs\n"
        assert {job["id"] for job in json.loads(lines[2][6:])["jobs"]} == {first, second}
        started = time.monotonic()
        two.end()  # although a page is listening
    assert time.monotonic() - started < 10
    assert two.process.returncode == 0


@pytest.mark.slow
def test_killed_in_the_middle_of_a_folder_it_is_finished(
    place: Path, environment: dict[str, str]
) -> None:
    one = Server(place, environment)
    folder = place / "uploads" / "many"
    folder.mkdir()
    for number in range(COUNT):
        Image.new("RGB", (96, 96), (number, 2 * number, 99)).save(folder / f"{number}.png")
    body = {"verb": "upscale", "options": {"images": ["uploads/many"], "out": "outputs/large"}}
    name = one.ask("/api/jobs", body)["id"]
    while not (one.ask(f"/api/jobs/{name}")["progress"] or 0) > 0.05:
        time.sleep(0.1)
    one.end(signal.SIGKILL)
    two = Server(place, environment)
    assert two.ask(f"/api/jobs/{name}")["state"] == "running"
    assert two.until(name, "done", "failed", "interrupted")["state"] == "done"
    assert len(list((place / "outputs" / "large").rglob("*.png"))) == COUNT
    two.end()


@pytest.mark.slow
def test_one_studio_in_a_home_and_one_at_a_port(place: Path, environment: dict[str, str]) -> None:
    one = Server(place, environment)
    port = urlsplit(one.address).port
    command = [sys.executable, "-m", "reverie", "studio", "--no-browser", "--home"]
    for more, words in (
        ([str(place), "--port", "0"], "is being written by process"),
        ([str(place) + "-2", "--port", str(port)], "choose another --port"),
    ):
        done = subprocess.run(
            [*command, *more], env=environment, text=True, capture_output=True, check=False
        )
        assert done.returncode == 2
        assert words in done.stderr
        assert "Traceback" not in done.stderr
    assert (place / ".studio" / "token").stat().st_mode & 0o077 == 0
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(one.address + "/api/jobs", timeout=30)
    one.end(signal.SIGINT)
    assert one.process.returncode in (0, 130)
    assert not os.path.exists(place / "runs" / "x")
