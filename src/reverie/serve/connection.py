"""Connections that clients cannot hold by sending, or reading, too slowly."""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

SECONDS = 10.0
"""Within which a request must begin and its headers end, and after which a reader is looked at."""
SLOWEST = 10_000
"""Bytes of an answer that must be read in each second."""


class TimedConnection(H11Protocol):
    """A connection that is closed where no request has arrived on it for `SECONDS`, or where its
    answer is not read.

    uvicorn closes connections that are idle between two requests; a first request that never ends,
    a later one that begins and does not go on, and an answer that nobody reads would be held for
    ever. What a client goes on sending after its answer is read, and lost, for as long.
    """

    _late: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwatch()
        self._unwatch_reader()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The answer is longer than what the system takes at once."""
        super().pause_writing()
        self._look_later()

    def resume_writing(self) -> None:
        """Nearly all of it was read."""
        self._unwatch_reader()
        super().resume_writing()

    def _watch(self) -> None:
        """Start the clock where a request is awaited; stop it where one has come."""
        if self.cycle is not None and not self.cycle.response_complete:
            self._unwatch()
        elif self._late is None:
            self._late = self.loop.call_later(SECONDS, self._close)

    def _unwatch(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _close(self) -> None:
        self._late = None
        if self.cycle is None or self.cycle.response_complete:
            self.transport.abort()

    def _unwatch_reader(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _look_later(self) -> None:
        left = self.transport.get_write_buffer_size()
        self._unread = self.loop.call_later(SECONDS, self._look, left)

    def _look(self, before: int) -> None:
        """Close where the rest of the answer is read more slowly than `SLOWEST`."""
        self._unread = None
        left = self.transport.get_write_buffer_size()
        if left > max(0.0, before - SLOWEST * SECONDS):
            self.transport.abort()
        elif left:
            self._look_later()
