"""Jobs from the request to their end, with real processes."""

import errno
import json
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from reverie.cli.verbs import CommandVerbs
from reverie.studio.app import Studio
from reverie.studio.home import Home
from tests.studio.conftest import LONG, SHORT, Wait, reap


def start(client: TestClient, verb: str, options: dict[str, object]) -> str:
    answer = client.post("/api/jobs", json={"verb": verb, "options": options})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def first_line(home: Home, run: str) -> None:
    """Wait until a run has logged something."""
    log = home.folder / run / "log.jsonl"
    for _ in range(600):
        if log.is_file() and log.stat().st_size:
            return
        time.sleep(0.1)
    raise AssertionError("nothing was logged")


def test_train_then_sample_then_evaluate_nothing_outside(
    client: TestClient, wait: Wait, home: Home
) -> None:
    job = wait(start(client, "train", SHORT | {"out": "runs/a"}))
    assert job["state"] == "done", job["log"]
    assert job["progress"] == 1
    assert job["result"]["steps"] == 4
    assert job["run"] == "runs/a"
    assert job["command"].startswith("reverie train vae --out=runs/a")
    assert (home.runs / "a" / "model").is_dir()
    sampled = wait(start(client, "sample", {"model": "runs/a", "count": 3}))
    assert sampled["state"] == "done", sampled["log"]
    assert sampled["out"].startswith("outputs/")
    assert len(list((home.folder / sampled["out"]).glob("0*.png"))) == 3
    assert sorted(p.name for p in home.folder.iterdir() if not p.name.startswith("studio")) == [
        ".studio", "outputs", "runs", "uploads",
    ]  # fmt: skip


@pytest.mark.slow
def test_one_at_a_time_in_an_order_that_can_be_changed(
    client: TestClient, wait: Wait, home: Home
) -> None:
    first = start(client, "train", LONG | {"out": "runs/long"})
    second = start(client, "train", SHORT | {"out": "runs/b"})
    third = start(client, "train", SHORT | {"out": "runs/c"})
    wait(first, "running")
    assert client.post("/api/jobs/order", json={"ids": [third]}).status_code == 200
    found = {job["id"]: job for job in client.get("/api/jobs").json()["jobs"]}
    assert [found[n]["position"] for n in (first, second, third)] == [None, 2, 1]
    assert client.post(f"/api/jobs/{second}/stop").json()["state"] == "interrupted"
    assert wait(second)["message"] == "taken from the queue"
    first_line(home, "runs/long")
    assert client.post(f"/api/jobs/{first}/remove").status_code == 422
    assert client.post(f"/api/jobs/{first}/stop").json()["state"] == "stopping"
    assert wait(first)["state"] == "interrupted"
    assert wait(third)["state"] == "done"
    assert client.post(f"/api/jobs/{second}/remove").json() == {"ok": True}
    assert client.get(f"/api/jobs/{second}").status_code == 404


def test_stopped_and_resumed_it_goes_on(client: TestClient, wait: Wait, home: Home) -> None:
    name = start(client, "train", LONG | {"out": "runs/a"})
    first_line(home, "runs/a")
    client.post(f"/api/jobs/{name}/stop")
    stopped = wait(name)
    assert stopped["state"] == "interrupted"
    assert "saved" in stopped["message"]
    reached = stopped["result"]["steps"]
    assert reached > 0
    resumed = client.post(f"/api/jobs/{name}/resume")
    assert resumed.json()["state"] == "queued", resumed.text
    assert "--resume" in resumed.json()["command"]
    wait(name, "running")
    end = time.monotonic() + 60
    while time.monotonic() < end and last_step(home, "runs/a") <= reached:
        time.sleep(0.1)
    assert last_step(home, "runs/a") > reached
    client.post(f"/api/jobs/{name}/stop")
    client.post(f"/api/jobs/{name}/stop")
    assert wait(name, seconds=20)["state"] == "interrupted"


def last_step(home: Home, run: str) -> int:
    lines = (home.folder / run / "log.jsonl").read_text().splitlines()
    return json.loads(lines[-1])["step"] if lines else 0


def test_a_killed_worker_is_interrupted_and_resumes_when_asked(
    client: TestClient, wait: Wait, home: Home, studio: Studio
) -> None:
    name = start(client, "train", LONG | {"out": "runs/a", "checkpoint_every": 20})
    first_line(home, "runs/a")
    job = studio.supervisor.store.find(name)
    assert job is not None
    assert job.pid is not None
    os.kill(job.pid, signal.SIGKILL)
    killed = wait(name)
    assert killed["state"] == "interrupted"
    time.sleep(1)
    assert client.get(f"/api/jobs/{name}").json()["state"] == "interrupted"  # never by itself
    assert client.post(f"/api/jobs/{name}/resume").json()["state"] == "queued"
    wait(name, "running")


@pytest.mark.slow
def test_another_server_watches_what_the_first_one_started(home: Home) -> None:
    """As after `kill -9` of the server: here its watching ends, and its processes go on."""
    one = Studio(home, CommandVerbs())
    one.supervisor.start()
    body = {"verb": "train", "options": LONG | {"out": "runs/x"}}
    job = one.requests.submit(body)
    waiting = one.requests.submit({"verb": "train", "options": SHORT | {"out": "runs/y"}})
    first_line(home, "runs/x")
    one.close()
    two = Studio(home, CommandVerbs())
    two.supervisor.start()
    try:
        time.sleep(1)
        states = {j.id: j.state for j in two.supervisor.store.all()}
        assert states == {job.id: "running", waiting.id: "queued"}
        two.supervisor.stop(job.id)
        ended = wait_for(two, job.id)
        assert ended == "interrupted"
        assert wait_for(two, waiting.id) == "done"
    finally:
        two.close()
        reap(one)


def test_what_is_gone_after_a_restart_of_the_machine_is_interrupted(home: Home) -> None:
    studio = Studio(home, CommandVerbs())
    body = {"verb": "train", "options": SHORT | {"out": "runs/x"}}
    job = studio.requests.submit(body)
    # The process id is that of a process which started at another time.
    studio.supervisor.store.change(job, state="running", pid=os.getpid(), pid_started=1.0)
    studio.supervisor.start()
    assert wait_for(studio, job.id) == "interrupted"
    studio.close()


def wait_for(studio: Studio, name: str) -> str:
    for _ in range(600):
        state = studio.supervisor.find(name).state
        if state in ("done", "failed", "interrupted"):
            return state
        time.sleep(0.1)
    raise AssertionError("the job is not over")


def test_an_error_is_the_sentence_of_the_command_line(client: TestClient, wait: Wait) -> None:
    job = wait(start(client, "train", SHORT | {"data": "nowhere", "out": "runs/a"}))
    assert job["state"] == "failed"
    assert job["error"].startswith("there is no folder or file 'nowhere'")


def test_a_broken_process_says_its_last_line(
    client: TestClient, wait: Wait, studio: Studio, tmp_path: Path
) -> None:
    job = studio.supervisor.submit("train", {}, ["--nonsense"])
    assert wait(job.id)["state"] == "failed"


def test_two_jobs_never_train_one_run(client: TestClient) -> None:
    start(client, "train", LONG | {"out": "runs/a"})
    again = client.post("/api/jobs", json={"verb": "train", "options": SHORT | {"out": "runs/a"}})
    assert again.status_code == 422
    assert "is being trained" in again.json()["error"]


@pytest.mark.slow
def test_an_estimate_is_measured(client: TestClient, wait: Wait) -> None:
    answer = client.post(
        "/api/estimate", json={"verb": "train", "options": SHORT | {"steps": 5000, "out": "runs/a"}}
    )
    job = wait(answer.json()["id"])
    assert job["state"] == "done", job["log"]
    found = job["result"]
    assert found["steps"] == 5000
    assert found["seconds"] > 0
    assert found["memory_bytes"] > 50e6
    assert "here" in found["words"]


def test_other_work_does_not_wait_for_a_training(client: TestClient, wait: Wait) -> None:
    first = start(client, "train", LONG | {"out": "runs/long"})
    waiting = start(client, "train", SHORT | {"out": "runs/b"})
    wait(first, "running")
    look = wait(start(client, "data check", {"data": "digits"}))
    assert look["state"] == "done", look["log"]
    found = {job["id"]: job["state"] for job in client.get("/api/jobs").json()["jobs"]}
    assert (found[first], found[waiting]) == ("running", "queued")


def test_the_queue_goes_on_when_the_disk_has_space_again(
    client: TestClient, wait: Wait, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object, **values: object) -> None:
        raise OSError(errno.ENOSPC, "the disk is full")

    store = studio.supervisor.store
    with monkeypatch.context() as patched:
        patched.setattr(store, "change", full)
        name = start(client, "train", SHORT | {"out": "runs/a"})
        for _ in range(100):
            if studio.supervisor.trouble is not None:
                break
            time.sleep(0.1)
        assert studio.supervisor.trouble is not None
        assert "the disk is full" in studio.supervisor.trouble
        answer = client.post(f"/api/jobs/{name}/stop")
        assert (answer.status_code, answer.json()["error"]) == (507, "the disk is full.")
        assert client.get(f"/api/jobs/{name}").json()["state"] == "queued"
    assert wait(name)["state"] == "done"
    assert studio.supervisor.trouble is None


def test_the_folder_of_a_run_is_removed_while_it_trains(
    client: TestClient, wait: Wait, home: Home
) -> None:
    options = LONG | {"out": "runs/a", "log_every": 1, "checkpoint_every": 5}
    name = start(client, "train", options)
    first_line(home, "runs/a")
    shutil.rmtree(home.runs, ignore_errors=True)
    assert wait(name)["state"] in ("failed", "interrupted")
    assert client.get("/api/runs").json() == {"total": 0, "runs": []}
    assert client.get("/api/runs/a").status_code == 404
    again = wait(start(client, "train", SHORT | {"out": "runs/b"}))
    assert again["state"] == "done", again["log"]


def test_places_in_the_queue_are_told_when_they_change(
    client: TestClient, wait: Wait, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, object]] = []
    first = start(client, "train", LONG | {"out": "runs/a"})
    wait(first, "running")
    second, third = (start(client, "train", SHORT | {"out": f"runs/{n}"}) for n in "bc")
    client.get("/api/jobs")

    def publish(name: str, data: Any) -> None:
        if name == "job":
            told.append((data["id"], data["position"]))

    monkeypatch.setattr(studio.events, "publish", publish)
    client.post(f"/api/jobs/{second}/stop")
    for _ in range(100):
        if (third, 1) in told:
            break
        time.sleep(0.1)
    assert (third, 1) in told
    assert client.get(f"/api/jobs/{third}").json()["position"] == 1
