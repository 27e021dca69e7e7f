"""Connections that send nothing, or never end their headers, over real sockets."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

pytest.importorskip("uvicorn")

import uvicorn

from reverie.core.address import listen
from reverie.serve import connection

LONG = 30_000_000


async def answer(scope, receive, send) -> None:
    long = bytes(LONG) if scope["path"] == "/long" else b""
    headers = [(b"content-length", b"%d" % len(long))] if long else []
    status = 200 if long else 204
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": long})


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(connection, "SECONDS", 0.3)
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    config = uvicorn.Config(
        answer, http=connection.TimedConnection, lifespan="off", timeout_keep_alive=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    yield port
    server.should_exit = True
    thread.join()


HEAD = b"GET / HTTP/1.1\r\nhost: x\r\n"


def closed_after(port: int, parts: list[bytes]) -> tuple[bytes, float]:
    """What is answered to the parts, sent every 50 ms, and when the connection is closed."""
    started, answered = time.monotonic(), b""
    with socket.create_connection(("127.0.0.1", port), timeout=0.05) as client:
        while time.monotonic() - started < 20:
            try:
                if parts:
                    client.sendall(parts.pop(0))
                part = client.recv(65536)
            except TimeoutError:
                continue
            except ConnectionError:
                break
            if not part:
                break
            answered += part
    return answered, time.monotonic() - started


def test_a_connection_without_a_request_is_closed(port: int) -> None:
    answered, seconds = closed_after(port, [])
    assert answered == b""
    assert seconds < 3


def test_headers_that_trickle_are_cut_off(port: int) -> None:
    endless = [HEAD, *(b"x-%d: y\r\n" % number for number in range(400))]
    answered, seconds = closed_after(port, list(endless))
    assert answered == b""
    assert seconds < 3
    answered, seconds = closed_after(port, [HEAD + b"\r\n", *endless])
    assert answered.count(b"HTTP/1.1 204") == 1
    assert seconds < 4


def test_requests_one_after_the_other_are_answered(port: int) -> None:
    answered, seconds = closed_after(port, [HEAD + b"\r\n"] * 12)
    assert answered.count(b"HTTP/1.1 204") == 12  # over twice the time of one
    assert seconds > 0.6


@pytest.mark.parametrize("reads", [False, True])
def test_an_answer_must_be_read(port: int, reads: bool) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.sendall(HEAD.replace(b"/", b"/long", 1) + b"connection: close\r\n\r\n")
        size = 0
        try:
            while True:
                if not reads:
                    time.sleep(1.5)
                part = client.recv(1_000_000)
                time.sleep(0.01 if reads else 0)
                size += len(part)
                if not part:
                    break
                if not reads:  # what the system had taken already
                    reads = None  # type: ignore[assignment]
        except ConnectionError:
            pass
    assert (size > LONG) == (reads is True)


def test_the_rest_of_a_body_is_read_after_its_answer(port: int) -> None:
    """So that the sender of what is refused gets the answer, and no broken connection."""
    body = bytes(20_000_000)
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.sendall(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body))
        client.sendall(body)
        assert client.recv(1000).startswith(b"HTTP/1.1 204")
