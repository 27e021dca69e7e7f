"""The queue of accepted work, and the one thread that computes it.

PyTorch computes in one thread, so that the event loop always answers. Requests wait in a bounded
queue. When the thread is free it takes the oldest, and with it those behind it that can be computed
together (equal `key`) up to `batch` images: a batch grows while the thread is busy, and nothing
waits for a batch to fill.
"""

import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import contextmanager, suppress

from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook

from reverie.core import progress
from reverie.serve.refusal import Refusal, try_later

MEMORY_OF_PACE = 0.9
"""Decay of the moving average of the seconds that a request takes."""


class Work(ABC):
    """What one request asks for."""

    key: Hashable | None = None
    """Works of one class with equal keys can be computed together; None is computed alone."""
    size: int = 1
    """How many images it makes."""

    @abstractmethod
    def compute(self, works: Sequence["Work"]) -> Sequence[object]:
        """The results of several works of its key, of which it is the first."""


class Ticket:
    """A work in the queue, and where its result will be."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.result: Future[object] = Future()
        self.is_abandoned = False
        """Nobody waits for it any more."""

    @property
    def is_running(self) -> bool:
        return self.result.running()


class Abandoned(Exception):
    """Raised within a computation for which nobody waits any more."""


class Worker:
    """Computes works in a thread of its own, the oldest first.

    Args:
        waiting: how many works may wait.
        batch: how many images of several works are computed together.
        prepare: called in the thread before the first work.
        observe: called after each computation with its works and its seconds.
    """

    def __init__(
        self,
        waiting: int,
        batch: int,
        prepare: Callable[[], None] = lambda: None,
        observe: Callable[[Sequence[Work], float], None] = lambda works, seconds: None,
    ) -> None:
        self.waiting, self.batch = waiting, batch
        self._prepare, self._observe = prepare, observe
        self._queue: deque[Ticket] = deque()
        self._running: Sequence[Ticket] = ()
        self._changed = threading.Condition()
        self._is_closed = False
        self._pace = 0.1
        self._thread = threading.Thread(target=self._run, name="models", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def __len__(self) -> int:
        """How many works wait."""
        return len(self._queue)

    @property
    def is_idle(self) -> bool:
        return not self._queue and not self._running

    @property
    def seconds_of_queue(self) -> float:
        """About how long what waits will take."""
        return self._pace * (len(self._queue) + 1)

    def refuse_if_full(self) -> None:
        """Raise a Refusal if nothing more may wait."""
        if len(self._queue) >= self.waiting:
            raise try_later(
                429,
                f"{self.waiting} requests wait already: try again later.",
                self.seconds_of_queue,
            )

    def submit(self, work: Work) -> Ticket:
        """Put a work at the end of the queue.

        Raises:
            Refusal: if the queue is full, or the worker is closed.
        """
        with self._changed:
            if self._is_closed:
                raise Refusal(503, "the server is ending.")
            self.refuse_if_full()
            ticket = Ticket(work)
            self._queue.append(ticket)
            self._changed.notify()
        return ticket

    def abandon(self, ticket: Ticket) -> None:
        """Nobody waits for it any more: take it from the queue, or stop computing it."""
        with self._changed:
            ticket.is_abandoned = True
            ticket.result.cancel()
            if ticket in self._queue:
                self._queue.remove(ticket)

    def close(self, seconds: float = 5.0) -> None:
        """Refuse what waits, stop what is computed, and end the thread."""
        with self._changed:
            self._is_closed = True
            left = [*self._queue, *self._running]
            self._queue.clear()
            self._changed.notify()
        for ticket in left:
            ticket.is_abandoned = True
            _settle(ticket, Refusal(503, "the server is ending, and this was not finished."))
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _run(self) -> None:
        with progress.silent():
            self._prepare()
            while tickets := self._next():
                self._compute(tickets)
                self._running = ()

    def _next(self) -> Sequence[Ticket]:
        """The oldest work and those that are computed with it; none when the worker is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._is_closed)
            if self._is_closed:
                return ()
            first = self._queue.popleft()
            chosen, size = [first], first.work.size
            for other in list(self._queue) if first.work.key is not None else ():
                if other.work.key == first.work.key and size + other.work.size <= self.batch:
                    chosen.append(other)
                    size += other.work.size
                    self._queue.remove(other)
            self._running = chosen
            for ticket in chosen:
                ticket.result.set_running_or_notify_cancel()
        return chosen

    def _compute(self, tickets: Sequence[Ticket]) -> None:
        works = [ticket.work for ticket in tickets]
        started = time.monotonic()
        try:
            with _interruptible(tickets):
                results = works[0].compute(works)
        except Abandoned:
            return
        except RuntimeError as error:
            if len(tickets) == 1:
                _settle(tickets[0], error)
            else:  # what does not fit into memory together may fit one after the other
                for ticket in tickets:
                    self._compute([ticket])
            return
        except Exception as error:
            for ticket in tickets:
                _settle(ticket, error)
            return
        seconds = time.monotonic() - started
        self._pace *= MEMORY_OF_PACE
        self._pace += (1 - MEMORY_OF_PACE) * seconds / len(tickets)
        self._observe(works, seconds)
        for ticket, result in zip(tickets, results, strict=True):
            _settle(ticket, result)


def _settle(ticket: Ticket, result: object) -> None:
    """Give a ticket its result or error, unless it was given one, or up."""
    with suppress(InvalidStateError):
        if isinstance(result, Exception):
            ticket.result.set_exception(result)
        else:
            ticket.result.set_result(result)


@contextmanager
def _interruptible(tickets: Sequence[Ticket]) -> Iterator[None]:
    """Context in which any layer of any network raises `Abandoned` when nobody waits any more."""
    thread = threading.get_ident()

    def check(layer: nn.Module, inputs: object) -> None:
        if threading.get_ident() == thread and all(one.is_abandoned for one in tickets):
            raise Abandoned

    hook = register_module_forward_pre_hook(check)
    try:
        yield
    finally:
        hook.remove()
