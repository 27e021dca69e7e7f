"""One training in a process of its own: what goes wrong there, even in C code, stops no other.

The child reads one line of JSON from its standard input, says how its training ended in the last
line of its standard output, and stops in good order when its input ends, as it does when the
process that started it is killed.
"""

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from reverie.core import progress
from reverie.core.errors import UserError
from reverie.core.lock import FolderLock
from reverie.core.result import Json
from reverie.methods import METHODS
from reverie.runs.run import Run

THREADS = "OMP_NUM_THREADS"

COMMAND = [sys.executable, "-m", "reverie.training.child"]


@dataclass(frozen=True)
class Ending:
    """How a training ended: it is finished, was stopped, or failed with an error."""

    finished: bool
    error: str | None = None


class Child:
    """A training that runs in another process.

    Args:
        method: a name in `METHODS`.
        folder: the run's folder; a run that is there is resumed.
        options: all options of a new run, by their plain names.
        threads: of PyTorch, unless `OMP_NUM_THREADS` says so already; None for all.
    """

    def __init__(
        self, method: str, folder: Path, options: Mapping[str, Json], threads: int | None
    ) -> None:
        request = {
            "method": method,
            "class": METHODS.registered_class(method),
            "folder": str(folder.absolute()),
            "options": options,
        }
        few = {} if threads is None or THREADS in os.environ else {THREADS: str(threads)}
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the process)
        self._process = subprocess.Popen(
            COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env={k: v for k, v in os.environ.items() if k != progress.PROGRESS_FILE} | few,
            start_new_session=True,  # Ctrl-C reaches the parent alone, which passes it on once
        )
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it ended already, which `ending` says
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()

    @property
    def runs(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def stop(self) -> None:
        """Let it finish its step, save and end."""
        self._process.terminate()

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self.close()

    def close(self) -> None:
        """Wait until it has ended, and close its streams."""
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._said):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()

    def ending(self, name: str) -> Ending:
        """How it ended; prints its warnings, each after `name`."""
        assert self._process.stdout is not None
        answer = self._process.stdout.read().decode(errors="replace").strip().splitlines()
        self._said.seek(0)
        said = self._said.read().decode(errors="replace").splitlines()
        self.close()
        for line in said:
            if line.startswith("note: "):
                progress.warn(f"{name}: {line.removeprefix('note: ')}")
        code = self._process.returncode
        if code == 0:
            return Ending(**json.loads(answer[-1]))
        if code in (-signal.SIGTERM, -signal.SIGINT):
            return Ending(finished=False)  # stopped before its training began
        if code < 0:
            return Ending(finished=False, error=f"its process was ended by {_signal(-code)}.")
        for line in said:
            progress.say(line)
        return Ending(finished=False, error=said[-1] if said else f"its process ended with {code}.")


def _signal(number: int) -> str:
    """A signal in words."""
    if number == getattr(signal, "SIGKILL", None):
        return "signal 9 (SIGKILL), as the system does where memory runs out"
    with contextlib.suppress(ValueError):
        return f"signal {number} ({signal.Signals(number).name})"
    return f"signal {number}"


def main() -> None:
    """What the child does."""
    from reverie.training.train import train

    with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as stream:
        request = json.loads(stream.readline())
    threading.Thread(target=_stop_with_parent, args=(sys.stdin.fileno(),), daemon=True).start()
    if request["class"] is not None:
        module, _, kind = request["class"].rpartition(".")
        METHODS.register(request["method"], getattr(importlib.import_module(module), kind))
    folder = Path(request["folder"])
    resume = Run(folder).exists()
    answer: dict[str, Json] = {"finished": False}
    try:
        with FolderLock(folder, "training", wait=True):
            pass  # the child of a sweep that was killed saves and leaves
        changes = {} if resume else request["options"]
        result = train(request["method"], folder, resume=resume, changes=changes)
        answer["finished"] = result.finished
    except UserError as error:
        answer["error"] = str(error)
    except OSError as error:
        if error.errno is None:
            raise
        answer["error"] = f"{error.filename or 'a file'}: {error.strerror}."
    print("\n" + json.dumps(answer))


def _stop_with_parent(stream: int) -> None:
    """Wait for the end of the input, and then ask the training to stop."""
    while os.read(stream, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
