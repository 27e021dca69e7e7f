"""The server as a process, by the command line of the Dockerfile: ends, kills, slow clients."""

import importlib.util
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("uvicorn")
pytest.importorskip("prometheus_client")

import reverie
from reverie.core import image_io
from tests.serve.conftest import photo, pixels_of

EXAMPLES = Path(__file__).parents[2] / "examples" / "serve"
TOKEN = "t" * 32
UNFINISHED = (
    f"POST /models/digits/sample HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\n"
    "content-length: 1000\r\n\r\n"
)
"""A request whose body does not come."""
COMMAND = [sys.executable, "-m", "reverie"]


def of_dockerfile() -> list[str]:
    """The words that the container runs, without the program."""
    text = (EXAMPLES / "Dockerfile").read_text()
    words = [json.loads(re.findall(rf"^{name} (\[.*\])$", text, re.M)[-1]) for name in NAMES]
    assert words[0][0] == "reverie"
    return [*words[0][1:], *words[1]]


NAMES = ("ENTRYPOINT", "CMD")


class Server:
    """A `reverie serve` in a process of its own."""

    def __init__(self, words: list[str], environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, *words], env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert self.process.stdout is not None
        said = self.process.stdout.readline().strip()
        assert said.startswith("http://"), self.process.communicate()
        self.port = int(said.rpartition(":")[2])
        self.url = f"http://127.0.0.1:{self.port}"

    def ask(self, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        request = urllib.request.Request(
            self.url + path, body, {"authorization": f"Bearer {TOKEN}"}
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read()

    def until_ready(self) -> "Server":
        statuses = []
        while not statuses or statuses[-1] != 200:
            statuses.append(self.ask("/healthz")[0])
            assert statuses[-1] in (200, 503)
            assert len(statuses) < 3000
            time.sleep(0.02)
        return self

    def end(self, number: int = signal.SIGTERM) -> tuple[str, str]:
        self.process.send_signal(number)
        return self.process.communicate(timeout=30)


@pytest.fixture
def start(environment: dict[str, str]) -> Iterator[Callable[..., Server]]:
    started = []

    def make(*more: str, port: int = 0, token: str = TOKEN) -> Server:
        words = of_dockerfile()
        words[words.index("--port") + 1] = str(port)
        started.append(Server([*words, *more], environment | {"REVERIE_TOKEN": token}))
        return started[-1]

    yield make
    for server in started:
        if server.process.poll() is None:
            server.process.kill()
        server.process.communicate()


def example() -> Any:
    """The example's client."""
    spec = importlib.util.spec_from_file_location("serve_client", EXAMPLES / "client.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def in_background(work: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    """A thread, and the list that will have its result."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()
    return thread, results


def test_a_server_from_start_to_end(start: Callable[..., Server], tmp_path: Path) -> None:
    server = start("--body-timeout", "1", "--max-megabytes", "1")
    client = example().Client(server.url, TOKEN)  # asks again while the models are loaded
    made = client.sample("digits", seed=7, label=3, steps=4)
    expected = reverie.load("digits").sample(1, seed=7, label=3, steps=4)
    assert (pixels_of(made) == image_io.to_uint8(expected)[0, ..., 0]).all()
    assert pixels_of(client.send("upscale", "photos-x4", photo(), "image/png")).shape == (64, 96, 3)
    assert [one["name"] for one in client.models()] == ["digits", "photos-x4"]
    with pytest.raises(RuntimeError, match="422: count must be"):
        client.sample("digits", count="many")
    done = subprocess.run(
        [sys.executable, EXAMPLES / "client.py", "sample", "digits", tmp_path / "x.png", "seed=7",
         "label=3", "steps=4"],
        env=os.environ | {"REVERIE_URL": server.url, "REVERIE_TOKEN": TOKEN}, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    assert (tmp_path / "x.png").read_bytes() == made
    slow_clients_are_cut_off(server)
    status, content = server.ask("/models/photos-x4/upscale", bytes(1_500_000))
    assert (status, set(json.loads(content))) == (413, {"error"})
    # What was accepted before the signal is answered after it; nothing else is.
    body = json.dumps({"count": 64, "steps": 12, "seed": 1}).encode()
    asking, answers = in_background(lambda: server.ask("/models/digits/sample", body))
    while b"reverie_compute_seconds_count" not in server.ask("/metrics")[1]:
        time.sleep(0.01)
    time.sleep(0.3)
    server.process.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    if asking.is_alive():
        assert server.ask("/healthz")[0] == 503
        assert server.ask("/models/digits/sample", b"")[0] == 503
    out, err = server.process.communicate(timeout=30)
    asking.join(10)
    assert answers[0][0] == 200
    assert pixels_of(answers[0][1]).ndim == 2
    assert server.process.returncode == 0
    assert "Traceback" not in err
    assert "ready: digits, photos-x4" in err
    assert out == "the server has ended.\n"


def slow_clients_are_cut_off(server: Server) -> None:
    """A body that trickles is answered 408, and its connection closed."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(UNFINISHED.encode())
        answer, started = b"", time.monotonic()
        connection.settimeout(0.1)
        while True:
            try:
                connection.sendall(b" ")
                part = connection.recv(65536)
            except TimeoutError:
                continue
            except ConnectionError:
                break
            if not part:
                break
            answer += part
        assert time.monotonic() - started < 10
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"did not arrive within 1 seconds" in answer


@pytest.mark.slow
def test_killed_and_started_again_at_its_port(start: Callable[..., Server]) -> None:
    one = start().until_ready()
    body = json.dumps({"count": 64, "steps": 1000}).encode()

    def ask() -> object:
        try:
            return one.ask("/models/digits/sample", body)
        except OSError as error:
            return error

    asking, answers = in_background(ask)
    time.sleep(0.5)
    one.end(signal.SIGKILL)
    asking.join(10)
    assert isinstance(answers[0], OSError)
    two = start("--grace", "0.5", port=one.port).until_ready()
    assert two.ask("/models/digits/sample", b'{"steps": 1}')[0] == 200
    # What would take minutes is refused when the grace is over, and the server ends.
    asking, answers = in_background(lambda: two.ask("/models/digits/sample", body))
    with socket.create_connection(("127.0.0.1", two.port), timeout=20) as unfinished:
        unfinished.sendall(UNFINISHED.encode())
        time.sleep(0.5)
        started = time.monotonic()
        _, err = two.end()
        assert unfinished.recv(1000).startswith(b"HTTP/1.1 503")
    asking.join(10)
    assert time.monotonic() - started < 20
    assert answers[0][0] == 503
    assert "is ending" in json.loads(answers[0][1])["error"]
    assert two.process.returncode == 0
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("words", "token", "sentence"),
    [
        (["digits", "--host", "0.0.0.0", "--port", "0"], "", "others can reach the models"),
        (["digits", "digits", "--port", "0"], "", "would both be served as 'digits'"),
        (["nothing", "--port", "0"], "", "no run or model folder of that name"),
        (["digits", "--token", "short"], "", "16 characters or more"),
        ([], "", "name the models to serve"),
        (["digits", "--queue", "0"], "", "--queue must be at least 1"),
        (["digits", "--host", "no such host"], TOKEN, "cannot be used"),
    ],
)
def test_mistakes_are_one_sentence(
    environment: dict[str, str], words: list[str], token: str, sentence: str
) -> None:
    done = subprocess.run(
        [*COMMAND, "serve", *words], env=environment | {"REVERIE_TOKEN": token},
        text=True, capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken(environment: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [*COMMAND, "serve", "digits", "--port", port],
            env=environment, text=True, capture_output=True, check=False, timeout=60,
        )  # fmt: skip
    assert done.returncode == 2
    assert "choose another --port" in done.stderr
