"""Models in use: one process that keeps them loaded, and answers one request at a time."""

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping

from reverie.core.errors import UserError
from reverie.core.result import Json
from reverie.studio.home import Home

MOST_WAITING = 8
"""Requests that wait; further ones are refused."""
SECONDS = 600.0
"""Time after which a request is given up and its process ended."""


class BusyError(UserError):
    """Too many requests wait already."""


class ModelProcess:
    """A process that samples, translates, upscales and edits; it is started when first asked."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._process: subprocess.Popen[bytes] | None = None
        self._turn = threading.Lock()
        self._places = threading.BoundedSemaphore(MOST_WAITING)

    def ask(self, verb: str, request: Mapping[str, Json]) -> dict[str, Json]:
        """The answer to a request; blocks until it is there.

        Raises:
            BusyError: if too many requests wait.
            UserError: if it cannot be done.
        """
        if not self._places.acquire(blocking=False):
            raise BusyError("the models are busy: try again in a moment.")
        try:
            with self._turn:
                answer = self._exchange(json.dumps({"verb": verb} | dict(request)))
        finally:
            self._places.release()
        if "error" in answer:
            raise UserError(str(answer["error"]))
        return answer

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for stream in (self._process.stdin, self._process.stdout):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()
            self._process = None

    def _exchange(self, line: str) -> dict[str, Json]:
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        late = threading.Timer(SECONDS, process.kill)
        late.start()
        try:
            process.stdin.write(line.encode() + b"\n")
            process.stdin.flush()
            said = process.stdout.readline()
            return json.loads(said)
        except (OSError, ValueError):
            self.close()
            raise UserError(
                "the process of the models ended, as it does where memory runs out: try a smaller "
                "image, or fewer of them."
            ) from None
        finally:
            late.cancel()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.close()
            with open(self.home.hidden / "models.log", "ab") as errors:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "reverie.studio.model_worker"],
                    cwd=self.home.folder,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    env=os.environ | {"PYTHONUNBUFFERED": "1"},
                    start_new_session=True,
                )
        return self._process
