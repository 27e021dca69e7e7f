"""Runs the studio: one process, one address, one token."""

import contextlib
import os
import secrets
import signal
import threading
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from reverie.core import progress
from reverie.core.address import address_of, host_names, listen
from reverie.core.errors import UserError
from reverie.studio.home import Home
from reverie.studio.security import Guard

if TYPE_CHECKING:
    from reverie.studio.app import Verbs


def serve(home: Path, verbs: "Verbs", *, host: str, port: int, browser: bool, jobs: int) -> None:
    """Serve the studio until it is stopped; its jobs go on.

    Args:
        home: the folder of runs, uploads and outputs.
        verbs: the commands that can be run.
        host: the address to listen at.
        port: where to listen; 0 for any that is free.
        browser: open the page.
        jobs: how many trainings run at a time.

    Raises:
        UserError: if the folder cannot be used, or the port is taken.
    """
    import uvicorn

    try:
        place = Home.at(home)
    except OSError as error:
        raise UserError(f"{home}: the studio cannot work here ({error.strerror}).") from None
    listener = listen(host, port)
    port = listener.getsockname()[1]
    with _only_one(place):
        os.chdir(place.folder)  # paths in options are relative to it, as in its processes
        token = _token(place)
        address = f"{address_of(host, port)}/?token={token}"
        print(address, flush=True)
        progress.say(f"the studio of {place.folder}; Ctrl-C ends it, and its trainings go on")
        if browser:
            threading.Timer(0.5, webbrowser.open, [address]).start()
        # PyTorch takes seconds to import: what a browser asks in the meantime waits in the socket.
        from reverie.studio.app import Studio, build

        app = Guard(build(Studio(place, verbs, jobs)), token, host_names(host, port))
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, timeout_graceful_shutdown=2, lifespan="on"
        )
        # uvicorn closes what is open at a signal, and then raises the signal once more.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run([listener])


def _token(home: Home) -> str:
    """The home's token, which stays the same so that pages that are open go on working."""
    file = home.hidden / "token"
    with contextlib.suppress(OSError):
        token = file.read_text(encoding="ascii").strip()
        if len(token) >= 32:
            return token
    token = secrets.token_urlsafe(32)
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        stream.write(token)
    return token


@contextlib.contextmanager
def _only_one(home: Home) -> Iterator[None]:
    """One studio at a time in a home."""
    from reverie.core.lock import FolderLock

    with FolderLock(home.hidden, "studio"):
        yield
