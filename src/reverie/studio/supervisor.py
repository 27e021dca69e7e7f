"""Starts queued jobs, watches those that run, and says what changed."""

import shlex
import shutil
import threading
import time
from collections.abc import Mapping, Sequence

from reverie.core.errors import UserError
from reverie.core.result import Json
from reverie.studio.events import Events
from reverie.studio.home import Home
from reverie.studio.jobs import Job, JobStore
from reverie.studio.run_list import RunList
from reverie.studio.workers import Workers

SECONDS_BETWEEN_LOOKS = 0.25
SECONDS_BETWEEN_SCANS = 2.0
"""Of the runs' folder, for trainings that were started in a terminal."""
TRAININGS = frozenset(["train", "sweep", "reproduce"])
"""Commands that may take hours, for which others do not wait."""


class Supervisor:
    """The queue: `parallel` trainings run at a time, and beside them one job of another kind.

    Jobs that an earlier server started and that still run are watched as before; those whose
    process is gone are interrupted, and go on when somebody asks for it.
    """

    def __init__(self, home: Home, events: Events, runs: RunList, parallel: int = 1) -> None:
        self.home, self.events, self.runs, self.parallel = home, events, runs, parallel
        self.store = JobStore(home.database)
        self.workers = Workers(home)
        self._ended = threading.Event()
        self._lock = threading.RLock()
        self._shown: dict[str, Json] = {}
        self._scanned = 0.0
        self.trouble: str | None = None
        """What keeps the queue from going on, such as a full disk."""
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def close(self) -> None:
        """Stop watching; jobs that run go on."""
        self._ended.set()
        self._thread.join()
        self.store.close()

    def submit(
        self,
        verb: str,
        options: Mapping[str, Json],
        argv: Sequence[str],
        *,
        run: str | None = None,
        out: str | None = None,
    ) -> Job:
        """Put a job at the end of the queue.

        Raises:
            UserError: if another job that is not over trains the same run.
        """
        with self._lock:
            others = [*self.store.active(), *self.store.queued()]
            if run is not None and any(other.run == run for other in others):
                raise UserError(f"{run} is being trained, or waits for it: choose another name.")
            job = self.store.add(verb, options, argv, run, out)
        self._tell(job)
        return job

    def find(self, name: str) -> Job:
        """The job of that id.

        Raises:
            UserError: if there is none.
        """
        job = self.store.find(name)
        if job is None:
            raise UserError(f"there is no job {name[:40]!r}.")
        return job

    def stop(self, name: str) -> Job:
        """Let a job finish its step and save; asked again, end it at once."""
        with self._lock:
            job = self.find(name)
            if job.state == "queued":
                job = self.store.change(
                    job, state="interrupted", ended=time.time(), message="taken from the queue"
                )
            elif job.active:
                self.workers.stop(job, at_once=job.state == "stopping")
                if job.state == "running":
                    words = "finishing its step and saving; stop again to end it at once"
                    job = self.store.change(job, state="stopping", message=words)
        self._tell(job)
        return job

    def resume(self, name: str, argv: Sequence[str]) -> Job:
        """Put a job that was interrupted or failed into the queue again.

        Args:
            name: its id.
            argv: the command that goes on with it.
        """
        with self._lock:
            job = self.find(name)
            if job.state not in ("interrupted", "failed"):
                raise UserError(f"this job is {job.state}: there is nothing to go on with.")
            job = self.store.change(
                job, state="queued", argv=list(argv), position=time.time(), pid=None,
                pid_started=None, ended=None, error=None, message="",
            )  # fmt: skip
        self._tell(job)
        return job

    def remove(self, name: str) -> None:
        """Forget a job that is over, and what it said; what it made stays."""
        with self._lock:
            job = self.find(name)
            if job.active:
                raise UserError("this job is running: stop it first.")
            self.store.remove(job)
            self._shown.pop(job.id, None)
        shutil.rmtree(self.workers.folder(job), ignore_errors=True)
        self.events.publish("removed", {"id": job.id})

    def order(self, names: Sequence[str]) -> None:
        """Put the queue into this order."""
        self.store.order(names)
        self.events.publish("jobs", {"jobs": self.all()})

    def all(self) -> list[dict[str, Json]]:
        """All jobs as the page sees them, the newest first."""
        places = _places(self.store.queued())
        return [self.view(job, places.get(job.number)) for job in self.store.all()]

    def view(self, job: Job, position: int | None = None) -> dict[str, Json]:
        """A job as the page sees it."""
        live = self.workers.progress(job) if job.active else None
        if position is None and job.state == "queued":
            position = _places(self.store.queued()).get(job.number)
        message = job.message
        if live is not None and job.state == "running":
            message = live.text
        return {
            "id": job.id,
            "verb": job.verb,
            "trains": _trains(job),
            "options": dict(job.options),
            "command": shlex.join(["reverie", *job.argv]),
            "state": job.state,
            "progress": 1.0 if job.state == "done" else live.fraction if live else None,
            "seconds_left": live.seconds_left if live else None,
            "message": message,
            "result": job.result,
            "error": job.error,
            "run": job.run,
            "out": job.out,
            "position": position,
            "created": job.created,
            "started": job.started,
            "ended": job.ended,
        }

    def _watch(self) -> None:
        while not self._ended.wait(SECONDS_BETWEEN_LOOKS):
            trouble = None
            try:
                self._look()
            except OSError as error:  # it is tried again until it can be done
                trouble = f"The queue cannot go on ({error.strerror or error}): it is tried again."
            if trouble != self.trouble:
                self.trouble = trouble
                self.events.publish("trouble", {"message": trouble})

    def _look(self) -> None:
        with self._lock:
            for job in self.store.active():
                self._look_at(job)
            self._start_next()
            queued = self.store.queued()
            places = _places(queued)
            for job in queued:  # their places change when others start or go
                self._tell(job, places[job.number])
        if self.events.listeners and time.monotonic() - self._scanned > SECONDS_BETWEEN_SCANS:
            self._scanned = time.monotonic()
            changed = self.runs.changed()
            if changed:
                self.events.publish("runs", {"names": changed})

    def _look_at(self, job: Job) -> None:
        if self.workers.runs(job):
            if job.pid is None and (process := self.workers.find(job)) is not None:
                job = self.store.change(job, pid=process.pid, pid_started=process.create_time())
            self._tell(job)
            return
        ending = self.workers.ending(job)
        job = self.store.change(
            job, state=ending.state, message=ending.message, result=ending.result,
            error=ending.error, ended=time.time(),
        )  # fmt: skip
        self._tell(job)

    def _start_next(self) -> None:
        active, queued = self.store.active(), self.store.queued()
        free = self.parallel - sum(_trains(job) for job in active)
        ready = [job for job in queued if _trains(job)][: max(free, 0)]
        if all(map(_trains, active)):
            ready += [job for job in queued if not _trains(job)][:1]
        for job in ready:
            running = self.store.change(
                job, state="running", position=None, started=time.time(), message="starting"
            )
            try:
                process = self.workers.start(running)
            except OSError as error:
                words = f"it could not be started: {error.strerror or error}."
                self._tell(self.store.change(
                    running, state="failed", error=words, message=words, ended=time.time()
                ))  # fmt: skip
                continue
            running = self.store.change(running, pid=process.pid, pid_started=process.create_time())
            self._tell(running)

    def _tell(self, job: Job, position: int | None = None) -> None:
        """Publish a job if the page would show something else than before."""
        view = self.view(job, position)
        if self._shown.get(job.id) != view:
            self._shown[job.id] = view
            self.events.publish("job", view)


def _trains(job: Job) -> bool:
    return job.verb in TRAININGS


def _places(queued: Sequence[Job]) -> dict[int, int]:
    """The places of queued jobs, from 1: trainings wait for trainings, others for others."""
    places: dict[int, int] = {}
    for trains in (True, False):
        alike = [job.number for job in queued if _trains(job) == trains]
        places |= {number: place for place, number in enumerate(alike, 1)}
    return places
