"""Processes that run jobs: ordinary `reverie … --json` commands in sessions of their own.

A process goes on when the server ends. How it ended is read from what it printed, since only the
process that started it learns its exit code.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

from reverie.core.progress import PROGRESS_FILE
from reverie.core.result import FAILED_IN_PART, INTERRUPTED, Json
from reverie.studio.home import Home
from reverie.studio.jobs import Job, State

MARK = "REVERIE_STUDIO_JOB"
"""The environment's name of the job that a process runs, by which it is found again."""

MOST_OUTPUT = 4_000_000
"""Bytes of a result; LOG_BYTES of what was said are shown."""
LOG_BYTES = 40_000

ESTIMATE = "estimate"
"""The verb of jobs that measure how long a training would take."""


@dataclass(frozen=True)
class Ending:
    """How a job ended."""

    state: State
    message: str
    result: Json = None
    error: str | None = None


@dataclass(frozen=True)
class Progress:
    """How far a job has come: a fraction, seconds, and words."""

    fraction: float | None = None
    seconds_left: float | None = None
    text: str = ""


class Workers:
    """The processes of a home's jobs."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._children: dict[int, subprocess.Popen[bytes]] = {}

    def folder(self, job: Job) -> Path:
        """Where the output of a job is."""
        return self.home.jobs / job.id

    def start(self, job: Job) -> psutil.Process:
        """Start a job's process.

        Raises:
            OSError: if it cannot be started.
        """
        folder = self.folder(job)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "progress.json").unlink(missing_ok=True)
        module = "reverie.studio.estimate" if job.verb == ESTIMATE else "reverie"
        environment = os.environ | {
            PROGRESS_FILE: str(folder / "progress.json"),
            MARK: self._mark(job),
            "PYTHONUNBUFFERED": "1",
        }
        with open(folder / "stdout", "wb") as out, open(folder / "stderr", "ab") as errors:
            child = subprocess.Popen(
                [sys.executable, "-m", module, *job.argv, "--json"],
                cwd=self.home.folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=errors,
                env=environment,
                start_new_session=True,
            )
        self._children[job.number] = child
        return psutil.Process(child.pid)

    def find(self, job: Job) -> psutil.Process | None:
        """The process of a job that is running, also one that an earlier server started."""
        if job.pid is None:  # the server was killed between starting it and writing that down
            for process in psutil.process_iter():
                with contextlib.suppress(psutil.Error):
                    if process.environ().get(MARK) == self._mark(job) and _alive(process):
                        return process
            return None
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(job.pid)
            same = job.pid_started is None or abs(process.create_time() - job.pid_started) < 1
            if same and _alive(process):
                return process
        return None

    def runs(self, job: Job) -> bool:
        """Whether a job's process has not ended yet."""
        child = self._children.get(job.number)
        return child.poll() is None if child is not None else self.find(job) is not None

    def stop(self, job: Job, *, at_once: bool) -> None:
        """Ask a job's process to finish its step and save, or end it and its children."""
        process = self.find(job)
        if process is None:
            return
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
            if at_once:
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.terminate()

    def ending(self, job: Job) -> Ending:
        """How a job ended whose process does not run any more."""
        child = self._children.pop(job.number, None)
        code = None if child is None else child.poll()
        answer = self._answer(job)
        if isinstance(answer, dict) and "error" in answer and code in (None, 2, INTERRUPTED):
            error = str(answer["error"])
            if job.state == "stopping" or code == INTERRUPTED:
                return Ending("interrupted", error)
            return Ending("failed", error, error=error)
        if isinstance(answer, dict) and code in (None, 0, FAILED_IN_PART, INTERRUPTED):
            if answer.get("finished") is False:
                return Ending("interrupted", "stopped; what was trained is saved", answer)
            failed = answer.get("failed")
            left_out = f"{len(failed)} left out" if isinstance(failed, dict) and failed else ""
            return Ending("done", left_out, answer)
        if code is not None and code > 0:
            said = self.log(job).strip().splitlines()
            error = f"it ended with an error: {said[-1] if said else f'exit code {code}'}"
            return Ending("failed", error, error=error)
        return Ending("interrupted", "its process was ended")

    def progress(self, job: Job) -> Progress:
        """How far a job has come, as its process last wrote."""
        try:
            content = json.loads((self.folder(job) / "progress.json").read_bytes())
            share, left = content["progress"], content["seconds_left"]
            words = f"{content['label']}: {content['text']}".rstrip(": ")
        except (OSError, ValueError, KeyError, TypeError):
            said = self.log(job).strip().splitlines()
            return Progress(text=said[-1] if said else "starting")
        return Progress(share, left, words)

    def log(self, job: Job) -> str:
        """The end of what a job's process has said."""
        try:
            with open(self.folder(job) / "stderr", "rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - LOG_BYTES))
                return file.read().decode(errors="replace")
        except OSError:
            return ""

    def _answer(self, job: Job) -> Json:
        """The object that a process printed, or None."""
        try:
            with open(self.folder(job) / "stdout", "rb") as file:
                lines = file.read(MOST_OUTPUT).decode(errors="replace").strip().splitlines()
            return json.loads(lines[-1])
        except (OSError, ValueError, IndexError):
            return None

    def _mark(self, job: Job) -> str:
        return f"{self.home.folder}:{job.id}"


def _alive(process: psutil.Process) -> bool:
    return process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
