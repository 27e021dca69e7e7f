"""Timeouts, full queues and clients that go, over HTTP."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import anyio
import pytest
from starlette.testclient import TestClient
from starlette.types import Message

from reverie.serve.app import build
from reverie.serve.models import ServedModel
from reverie.serve.service import Service
from reverie.serve.worker import Work
from tests.serve.conftest import HOSTS, Connect, service_of
from tests.serve.test_app import refused

SAMPLE = "/models/digits/sample"


class Blocking(Work):
    """Keeps the worker busy until it is told."""

    def __init__(self) -> None:
        self.go_on, self.began = threading.Event(), threading.Event()

    def compute(self, works: Sequence[Work]) -> Sequence[object]:
        self.began.set()
        assert self.go_on.wait(20)
        return [None]


@pytest.fixture
def blocking() -> Iterator[Blocking]:
    work = Blocking()
    yield work
    work.go_on.set()


def test_a_full_queue_is_429(
    connect: Connect, served: dict[str, ServedModel], blocking: Blocking
) -> None:
    service = service_of(served, queue=2)
    service.metrics.computed = lambda works, seconds: None  # type: ignore[method-assign]
    service.worker._observe = service.metrics.computed
    with connect(service) as client, ThreadPoolExecutor(2) as pool:
        service.worker.submit(blocking)
        assert blocking.began.wait(10)
        body = {"steps": 1}
        waiting = [pool.submit(client.post, SAMPLE, json=body) for _ in range(2)]
        while len(service.worker) < 2:
            pass
        answer = client.post(SAMPLE, json=body)
        assert "2 requests wait already" in refused(answer, 429)
        assert int(answer.headers["retry-after"]) >= 1
        assert client.get("/healthz").status_code == 200  # it is busy, not ill
        assert "reverie_queue_length 2.0" in client.get("/metrics").text
        blocking.go_on.set()
        assert [one.result().status_code for one in waiting] == [200, 200]
        assert client.post(SAMPLE, json=body).status_code == 200


def test_what_waits_too_long_is_503_and_leaves_the_queue(
    connect: Connect, served: dict[str, ServedModel], blocking: Blocking
) -> None:
    service = service_of(served, timeout=0.2)
    with connect(service) as client:
        service.worker._observe = lambda works, seconds: None
        service.worker.submit(blocking)
        assert blocking.began.wait(10)
        answer = client.post(SAMPLE, json={"steps": 1})
        assert "waited for 0.2 seconds" in refused(answer, 503)
        assert "retry-after" in answer.headers
        assert len(service.worker) == 0
        blocking.go_on.set()


def test_what_takes_too_long_is_504_and_is_stopped(
    connect: Connect, served: dict[str, ServedModel]
) -> None:
    service = service_of(served, timeout=0.3)
    with connect(service) as client:
        answer = client.post(SAMPLE, json={"steps": 1000, "count": 64})
        assert "took longer than 0.3 seconds" in refused(answer, 504)
        deadline = threading.Event()
        while not service.worker.is_idle:  # 1,000 steps would take minutes
            assert not deadline.wait(0.01)
        assert client.post(SAMPLE, json={"steps": 1}).status_code == 200


def test_work_of_a_client_that_has_gone_leaves_the_queue(
    served: dict[str, ServedModel], blocking: Blocking
) -> None:
    service = service_of(served)
    app = build(service, None, HOSTS)
    with TestClient(app):
        while service.models is None:
            pass
        service.worker._observe = lambda works, seconds: None
        service.worker.submit(blocking)
        assert blocking.began.wait(10)
        anyio.run(leave_early, app, service)
        assert len(service.worker) == 0
        blocking.go_on.set()


async def leave_early(app, service: Service) -> None:
    """Ask for an image, and close the connection while it waits."""
    gone, asked = anyio.Event(), False

    async def receive() -> Message:
        nonlocal asked
        if not asked:
            asked = True
            return {"type": "http.request", "body": b"{}", "more_body": False}
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        pass

    scope = {
        "type": "http", "method": "POST", "path": SAMPLE, "raw_path": SAMPLE.encode(),
        "query_string": b"", "headers": [(b"host", b"testserver")], "http_version": "1.1",
        "scheme": "http", "client": ("127.0.0.1", 1), "server": ("testserver", 80),
        "root_path": "", "state": {},
    }  # fmt: skip
    async with anyio.create_task_group() as group:
        group.start_soon(app, scope, receive, send)
        while len(service.worker) == 0:
            await anyio.sleep(0.001)
        gone.set()


def test_bodies_that_arrive_at_once_are_bounded(served: dict[str, ServedModel]) -> None:
    service = service_of(served, queue=1)
    with service.reading(), pytest.raises(Exception, match="arrive at once"), service.reading():
        pass
    with service.reading():
        pass
