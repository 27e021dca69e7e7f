"""Runs the server: one process, one address; SIGTERM lets it finish what it has accepted."""

import contextlib
import signal
import socket
import time
import warnings
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import TYPE_CHECKING

import prometheus_client
import uvicorn

from reverie.core import progress
from reverie.core.address import address_of, host_names, listen
from reverie.serve.names import short_names
from reverie.serve.options import ServeOptions, checked_token

if TYPE_CHECKING:
    from reverie.serve.service import Service

SECONDS_TO_WRITE = 5
"""Within which the last answers must be written when the server ends."""
SECONDS_OPEN = 75
"""For which an idle connection is kept; proxies keep theirs for a minute, and must not be later."""


def serve(places: Sequence[str], options: ServeOptions, environment_token: str | None) -> None:
    """Serve models until a signal ends it.

    Args:
        places: of the models: runs, model folders, names in the package or on the hub.
        options: address, queue and limits.
        environment_token: the token, if the options have none.

    Raises:
        UserError: if a model cannot be loaded, the address cannot be used, or a token is missing.
    """
    # Process 1 of a container gets no signal that it has no handler for: not while it imports.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    named, token = short_names(places), checked_token(options, environment_token)
    listener = listen(options.host, options.port)
    print(address_of(options.host, listener.getsockname()[1]), flush=True)
    with_token = "requests need the token" if token else "no token is needed on this machine"
    progress.say(f"loading {', '.join(places)}; {with_token}; Ctrl-C ends the server")
    with contextlib.suppress(KeyboardInterrupt):
        _run(listener, named, token, options)


def _run(
    listener: socket.socket, named: Mapping[str, str], token: str | None, options: ServeOptions
) -> None:
    """Load the models and answer requests, until a signal.

    Raises:
        UserError: if a model cannot be loaded.
    """
    # PyTorch takes seconds to import: who asks in the meantime waits in the socket.
    from reverie.serve.app import build
    from reverie.serve.connection import TimedConnection
    from reverie.serve.service import Service

    prometheus_client.disable_created_metrics()  # which double the number of series
    # Pillow warns of damaged images, each in other words; who sent one is answered what is wrong.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    service = Service(options, named)
    hosts = host_names(options.host, listener.getsockname()[1])
    app = build(service, token, hosts)
    config = uvicorn.Config(
        app, http=TimedConnection, log_level="warning", access_log=False, lifespan="on",
        timeout_graceful_shutdown=SECONDS_TO_WRITE, timeout_keep_alive=SECONDS_OPEN,
        server_header=False, ws="none",
    )  # fmt: skip
    _Server(config, service).run([listener])
    if service.error is not None:
        raise service.error


class _Server(uvicorn.Server):
    """A server that answers what it has accepted before it closes its socket.

    After a signal new requests get 503, /healthz too, until nothing is unanswered or the grace is
    over; a second signal ends the grace.
    """

    def __init__(self, config: uvicorn.Config, service: "Service") -> None:
        super().__init__(config)
        self._service = service
        self._ends: float | None = None
        self._is_ready = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        grace = 0.0 if self._service.is_closing else self._service.options.grace
        self._service.is_closing = True
        self._ends = time.monotonic() + grace

    async def on_tick(self, counter: int) -> bool:
        service = self._service
        if service.models is not None and not self._is_ready:
            self._is_ready = True
            for served in service.models.values():
                if served.note:
                    progress.say(served.note)
            progress.say(f"ready: {', '.join(service.models)}")
        if self._ends is not None and (service.is_idle or time.monotonic() > self._ends):
            service.worker.close(0)
            self.should_exit = True
        if service.error is not None:
            self.should_exit = True
        return await super().on_tick(counter)
