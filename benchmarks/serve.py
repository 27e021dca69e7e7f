"""Load on `reverie serve`: the same images as the Python call, throughput, latency, memory.

    python benchmarks/serve.py [--requests 500] [--at-once 16] [--batch 1 8]
    python benchmarks/serve.py --gains

Starts a server for each `--batch`, and asks it for one image of each seed over connections that are
kept open. Every image is compared with that of `model.sample` for the seed alone. The Python call
is timed in this process, one image at a time and all in one call. Memory is the resident memory of
the server before and after, when a tenth of the requests has warmed it up. `--gains` measures what
batches gain for a sampler and for networks that translate.
"""

import argparse
import http.client
import io
import json
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from threading import local
from urllib.error import HTTPError
from urllib.request import urlopen

import numpy as np
import torch
from measuring import median_ratio, take_turns
from PIL import Image

import reverie
from reverie.core import image_io
from reverie.core.progress import silent
from reverie.methods.translation.resnet_generator import ResNetGenerator
from reverie.runs.environment import machine

MODEL, CLASSES = "digits", 10
BATCHES = (2, 4, 8)
SAMPLE = f"/models/{MODEL}/sample"


class Server:
    """A server in a process of its own, and a connection to it for each thread."""

    def __init__(self, batch: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "reverie", "serve", MODEL, "--port", "0", "--batch", str(batch)],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        self._port = int(self.process.stdout.readline().rpartition(":")[2])
        self._local = local()
        while not self._is_ready():
            time.sleep(0.05)

    def sample(self, body: bytes) -> tuple[int, bytes]:
        """The status and content of the answer, over the connection of this thread."""
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=120)
            self._local.connection = connection
        connection.request("POST", SAMPLE, body)
        answer = connection.getresponse()
        return answer.status, answer.read()

    def _is_ready(self) -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{self._port}/healthz") as answer:
                return answer.status == 200
        except HTTPError as refused:
            refused.close()
            return False

    def figure(self, name: str) -> float:
        """A figure of /metrics."""
        with urlopen(f"http://127.0.0.1:{self._port}/metrics") as answer:
            text = answer.read().decode()
        found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.M)
        return float(found.group(1)) if found else 0.0


@contextmanager
def running(batch: int) -> Iterator[Server]:
    """A server that is ended afterwards, with exit code 0."""
    server = Server(batch)
    try:
        yield server
    finally:
        server.process.terminate()
        server.process.communicate()
        assert server.process.returncode == 0


def timed(server: Server, seed: int) -> tuple[np.ndarray, float]:
    """The image of a seed and class, and the seconds to its answer."""
    body = json.dumps({"seed": seed, "label": seed % CLASSES}).encode()
    started = time.perf_counter()
    status, content = server.sample(body)
    seconds = time.perf_counter() - started
    assert status == 200, content
    return np.asarray(Image.open(io.BytesIO(content))), seconds


def measured(batch: int, expected: list[np.ndarray], at_once: int) -> dict[str, object]:
    """Ask for every image `at_once` at a time."""
    with running(batch) as server, ThreadPoolExecutor(at_once) as pool:
        list(pool.map(lambda seed: timed(server, seed), range(max(1, len(expected) // 10))))
        before = server.figure("process_resident_memory_bytes")
        started = time.perf_counter()
        answers = list(pool.map(lambda seed: timed(server, seed), range(len(expected))))
        seconds = time.perf_counter() - started
        after = server.figure("process_resident_memory_bytes")
        requests = server.figure('reverie_batch_requests_sum{action="sample"}')
        computations = server.figure('reverie_batch_requests_count{action="sample"}')
    pairs = zip((pixels for pixels, _ in answers), expected, strict=True)
    differences = [int(np.abs(made.astype(int) - want).max()) for made, want in pairs]
    times = sorted(seconds for _, seconds in answers)
    return {
        "batch": batch,
        "requests": len(times),
        "at_once": at_once,
        "images_per_second": round(len(times) / seconds, 1),
        "p50_ms": round(1000 * statistics.median(times)),
        "p99_ms": round(1000 * times[int(0.99 * (len(times) - 1))]),
        "requests_per_computation": round(requests / computations, 1),
        "levels_of_difference": max(differences),
        "equal_images": sum(difference == 0 for difference in differences),
        "memory_MB": [round(before / 1e6), round(after / 1e6)],
    }


def gains(rounds: int = 5) -> dict[str, dict[str, float]]:
    """How many times as fast an image is in a batch as alone, by model and size of the batch."""
    model = reverie.load(MODEL)
    networks: dict[str, Callable[[int], object]] = {
        "sample digits": lambda count: model.sample_seeds(range(count))
    }
    for width, blocks, side in ((32, 6, 64), (64, 9, 64), (64, 9, 128)):
        network = ResNetGenerator(3, 3, width=width, blocks=blocks).eval().requires_grad_(False)
        images = torch.rand(max(BATCHES), 3, side, side) * 2 - 1
        name = f"translate {side}x{side}, {blocks} blocks of {width} channels"
        networks[name] = partial(lambda network, images, n: network(images[:n]), network, images)
    found = {}
    with silent(), torch.inference_mode():
        for name, run in networks.items():
            times = take_turns({count: partial(run, count) for count in (1, *BATCHES)}, rounds)
            found[name] = {
                str(count): round(count * median_ratio(times[1].seconds, times[count].seconds), 2)
                for count in BATCHES
            }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--at-once", type=int, default=16)
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--gains", action="store_true", help="measure batches alone, no server")
    arguments = parser.parse_args()
    if arguments.gains:
        print(json.dumps({"times_as_fast_in_a_batch": gains(), "machine": machine()}))
        return
    count = arguments.requests
    model = reverie.load(MODEL)
    labels = [seed % CLASSES for seed in range(count)]
    with silent():
        model.sample(1, label=0)
        started = time.perf_counter()
        alone = [model.sample(1, seed=seed, label=labels[seed]) for seed in range(count)]
        one_by_one = count / (time.perf_counter() - started)
        started = time.perf_counter()
        model.sample(count, label=labels)
        together = count / (time.perf_counter() - started)
    python = {"one_by_one": round(one_by_one, 1), "in_one_call": round(together, 1)}
    print(json.dumps({"python_images_per_second": python, "machine": machine()}), flush=True)
    expected = [image_io.to_uint8(image)[0, ..., 0].astype(int) for image in alone]
    for batch in arguments.batch:
        print(json.dumps(measured(batch, expected, arguments.at_once)), flush=True)


if __name__ == "__main__":
    main()
