"""Work on files in threads: decoding, hashing and reading release the interpreter's lock."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

AHEAD = 8
"""Results that a thread may be ahead of the reader."""


def in_threads(function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """`map` on all cores: results in order, a bounded number of them in memory.

    A window slides over the items: each result that is taken lets the next item begin, so that no
    thread waits for others. An exception of `function` is raised in the place of its result.
    """
    workers = os.cpu_count() or 1
    remaining = iter(items)
    with ThreadPoolExecutor(workers) as pool:
        window: deque[Future[R]] = deque()
        try:
            for item in islice(remaining, AHEAD * workers):
                window.append(pool.submit(function, item))
            while window:
                result = window.popleft().result()
                for item in islice(remaining, 1):
                    window.append(pool.submit(function, item))
                yield result
        finally:
            for future in window:
                future.cancel()
