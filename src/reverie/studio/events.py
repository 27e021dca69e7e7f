"""Events for the pages that are open: what changed, sent once to each."""

import asyncio
import json
from collections.abc import AsyncIterator

from reverie.core.result import Json

MOST_WAITING = 200
"""Events that a page may be behind; one that reads no more is cut off, and connects again."""
SECONDS_BETWEEN_SIGNS = 15.0


class Events:
    """Sends events to all listeners. `publish` may be called from any thread."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._queues: set[asyncio.Queue[str | None]] = set()

    @property
    def listeners(self) -> int:
        return len(self._queues)

    def publish(self, name: str, data: Json) -> None:
        """Send an event to all listeners."""
        if self._loop is not None and not self._loop.is_closed():
            text = message(name, data)
            self._loop.call_soon_threadsafe(self._send, text)

    def close(self) -> None:
        """End all streams."""
        for queue in self._queues:
            _put(queue, None)

    def _send(self, text: str) -> None:
        for queue in self._queues:
            _put(queue, text)

    async def listen(self, first: str) -> AsyncIterator[str]:
        """The messages from now on, after `first`; comments in between keep the line open."""
        self._loop = asyncio.get_running_loop()
        queue: asyncio.Queue[str | None] = asyncio.Queue(MOST_WAITING)
        self._queues.add(queue)
        try:
            yield first
            while True:
                try:
                    text = await asyncio.wait_for(queue.get(), SECONDS_BETWEEN_SIGNS)
                except TimeoutError:
                    text = ": keep-alive\n\n"
                if text is None:
                    return
                yield text
        finally:
            self._queues.discard(queue)


def message(name: str, data: Json) -> str:
    """An event in the format of server-sent events."""
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"


def _put(queue: "asyncio.Queue[str | None]", text: str | None) -> None:
    if queue.full():  # the page reads no more: end its stream, it will connect again
        while not queue.empty():
            queue.get_nowait()
        text = None
    queue.put_nowait(text)
