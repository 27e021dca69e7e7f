"""What the server counts, in Prometheus' text format."""

import time
from collections.abc import Sequence

import torch
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reverie.serve.work import Action
from reverie.serve.worker import Work, Worker

ROUTE = "reverie.route"
"""Where the scope of a request has the path of its route; unknown paths have none."""
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
IMAGES = (1, 2, 4, 8, 16, 32, 64, 128)


class Metrics:
    """The figures of one server; memory, processor time and open files are those of the process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "reverie_requests", "Answered requests.", ["route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "reverie_request_seconds", "Time from a request to its answer.", ["route"],
            buckets=SECONDS, registry=self.registry,
        )  # fmt: skip
        self.compute_seconds = Histogram(
            "reverie_compute_seconds", "Time of one computation.", ["action"],
            buckets=SECONDS, registry=self.registry,
        )  # fmt: skip
        self.images = Counter(
            "reverie_images", "Images that were made.", ["model", "action"], registry=self.registry
        )
        self.batch_images = Histogram(
            "reverie_batch_images", "Images of one computation.", ["action"],
            buckets=IMAGES, registry=self.registry,
        )  # fmt: skip
        self.batch_requests = Histogram(
            "reverie_batch_requests", "Requests of one computation.", ["action"],
            buckets=IMAGES, registry=self.registry,
        )  # fmt: skip
        self.queue = Gauge("reverie_queue_length", "Requests that wait.", registry=self.registry)
        self.gpu = Gauge(
            "reverie_gpu_memory_bytes", "GPU memory of PyTorch's tensors.", registry=self.registry
        )

    def watch(self, worker: Worker) -> None:
        """Take the length of the queue from the worker when it is asked for."""
        self.queue.set_function(lambda: len(worker))

    def computed(self, works: Sequence[Work], seconds: float) -> None:
        """Count one computation of several works."""
        first = works[0]
        assert isinstance(first, Action)
        action, images = first.name, sum(work.size for work in works)
        self.images.labels(first.served.name, action).inc(images)
        self.batch_images.labels(action).observe(images)
        self.batch_requests.labels(action).observe(len(works))
        self.compute_seconds.labels(action).observe(seconds)

    def answer(self) -> Response:
        """All figures."""
        self.gpu.set(torch.cuda.memory_allocated() if torch.cuda.is_available() else 0)
        return Response(
            generate_latest(self.registry), headers={"content-type": CONTENT_TYPE_LATEST}
        )


class Measured:
    """Middleware that counts every answer, with its route, status and duration."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, counted)
        finally:
            route = scope.get(ROUTE, "other")
            self.metrics.requests.labels(route, str(status)).inc()
            self.metrics.seconds.labels(route).observe(time.perf_counter() - started)
