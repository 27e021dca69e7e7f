"""The queue: its order, its batches, its bound, and what nobody waits for any more."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest
import torch
from torch import nn

from reverie.serve.refusal import Refusal
from reverie.serve.worker import Work, Worker


class Counted(Work):
    """Answers its number, once it may."""

    def __init__(self, number: int, key: str | None = None, size: int = 1) -> None:
        self.number, self.key, self.size = number, key, size
        self.go_on, self.began = threading.Event(), threading.Event()
        self.together: list[int] = []

    def compute(self, works: Sequence[Work]) -> Sequence[object]:
        self.began.set()
        assert self.go_on.wait(10)
        self.together = [work.number for work in works if isinstance(work, Counted)]
        return self.together


class Network(Work):
    """Runs a network until it is stopped."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.layer = nn.Linear(2, 2)

    def compute(self, works: Sequence[Work]) -> Sequence[object]:
        while True:
            self.layer(torch.zeros(1, 2))
            self.began.set()


class Failing(Work):
    """Fails in company, or with `alone` also by itself."""

    key = "failing"

    def __init__(self, error: Exception, alone: bool = False) -> None:
        self.error, self.alone = error, alone

    def compute(self, works: Sequence[Work]) -> Sequence[object]:
        if self.alone or len(works) > 1:
            raise self.error
        return ["done"]


@pytest.fixture
def start() -> Iterator[Callable[..., Worker]]:
    started = []

    def make(waiting: int = 8, batch: int = 4) -> Worker:
        started.append(Worker(waiting, batch))
        started[-1].start()
        return started[-1]

    yield make
    for worker in started:
        worker.close()
        assert not worker._thread.is_alive()


def test_equal_keys_are_computed_together_up_to_the_batch(start: Callable[..., Worker]) -> None:
    worker = start(batch=4)
    first = Counted(0)
    ticket = worker.submit(first)
    assert first.began.wait(10)
    works = [
        Counted(1, "a"), Counted(2, "b"), Counted(3, "a", 2), Counted(4), Counted(5, "a", 2),
        Counted(6, "a"),
    ]  # fmt: skip
    for work in works:
        work.go_on.set()
    tickets = [worker.submit(work) for work in works]
    assert len(worker) == 6
    assert ticket.is_running
    first.go_on.set()
    assert [one.result.result(10) for one in tickets] == [1, 2, 3, 4, 5, 6]
    # 1, 3 and 6 make four images; 5 would make them six, and comes when it is the oldest.
    assert [work.together for work in works] == [[1, 3, 6], [2], [], [4], [5], []]


def test_a_full_queue_refuses_and_says_when(start: Callable[..., Worker]) -> None:
    worker = start(waiting=2)
    first = Counted(0)
    worker.submit(first)
    assert first.began.wait(10)
    waiting = [Counted(n) for n in (1, 2)]
    tickets = [worker.submit(work) for work in waiting]
    with pytest.raises(Refusal, match="2 requests wait already") as refused:
        worker.submit(Counted(3))
    assert refused.value.status == 429
    assert int(refused.value.headers["retry-after"]) >= 1
    worker.abandon(tickets[0])  # leaves its place to another
    last = worker.submit(Counted(4))
    for work in (first, waiting[1], last.work):
        assert isinstance(work, Counted)
        work.go_on.set()
    assert last.result.result(10) == 4
    assert tickets[0].result.cancelled()
    assert not waiting[0].began.is_set()


def test_a_computation_stops_when_nobody_waits(start: Callable[..., Worker]) -> None:
    worker = start()
    network = Network()
    ticket = worker.submit(network)
    assert network.began.wait(10)
    after = Counted(1)
    after.go_on.set()
    next_one = worker.submit(after)
    worker.abandon(ticket)
    assert next_one.result.result(10) == 1
    network.layer(torch.zeros(1, 2))  # nothing is left of the check
    while not worker.is_idle:
        time.sleep(0.001)


def test_what_fails_together_is_tried_alone(start: Callable[..., Worker]) -> None:
    worker = start()
    first = Counted(0)
    worker.submit(first)
    assert first.began.wait(10)
    memory = RuntimeError("out of memory")
    tickets = [worker.submit(Failing(memory)) for _ in range(3)]
    first.go_on.set()
    assert [one.result.result(10) for one in tickets] == ["done"] * 3
    alone = worker.submit(Failing(memory, alone=True))
    assert alone.result.exception(10) is memory
    odd = KeyError("x")
    assert worker.submit(Failing(odd, alone=True)).result.exception(10) is odd
    last = Counted(9)  # and the thread lives
    last.go_on.set()
    assert worker.submit(last).result.result(10) == 9


def test_closing_refuses_what_waits_and_stops_what_runs(start: Callable[..., Worker]) -> None:
    worker = start()
    network = Network()
    running = worker.submit(network)
    assert network.began.wait(10)
    waiting = worker.submit(Counted(1))
    worker.close()
    for ticket in (running, waiting):
        error = ticket.result.exception(1)
        assert isinstance(error, Refusal)
        assert error.status == 503
    with pytest.raises(Refusal, match="is ending"):
        worker.submit(Counted(2))
