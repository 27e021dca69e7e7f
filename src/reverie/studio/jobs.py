"""Jobs: commands that run in processes of their own, kept in a database of SQLite."""

import contextlib
import errno
import json
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from reverie.core.result import Json

State = Literal["queued", "running", "stopping", "done", "failed", "interrupted"]
ACTIVE: tuple[State, ...] = ("running", "stopping")

TABLE = """
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    verb TEXT NOT NULL,
    options TEXT NOT NULL,
    argv TEXT NOT NULL,
    state TEXT NOT NULL,
    position REAL,
    pid INTEGER,
    pid_started REAL,
    created REAL NOT NULL,
    started REAL,
    ended REAL,
    message TEXT NOT NULL DEFAULT '',
    result TEXT,
    error TEXT,
    run TEXT,
    out TEXT
)
"""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One command: what it is, and how far it has come.

    `position` orders what is queued; `pid` and `pid_started` say which process runs it, also after
    the server was started again.
    """

    number: int
    verb: str
    options: Mapping[str, Json]
    argv: Sequence[str]
    state: State
    position: float | None
    pid: int | None
    pid_started: float | None
    created: float
    started: float | None
    ended: float | None
    message: str
    result: Json
    error: str | None
    run: str | None
    out: str | None

    @property
    def id(self) -> str:
        return str(self.number)

    @property
    def active(self) -> bool:
        return self.state in ACTIVE


class JobStore:
    """All jobs, in a file that survives the server.

    Every method is one transaction, and may be called from any thread. One that cannot be written
    changes nothing and raises an OSError, as any other file would on a full disk.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute(TABLE)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def add(
        self,
        verb: str,
        options: Mapping[str, Json],
        argv: Sequence[str],
        run: str | None,
        out: str | None,
    ) -> Job:
        """A new job at the end of the queue."""
        now = time.time()
        with self._transaction() as connection:
            cursor = connection.execute(
                "INSERT INTO jobs (verb, options, argv, state, position, created, run, out) "
                "VALUES (?, ?, ?, 'queued', ?, ?, ?, ?)",
                (verb, json.dumps(options), json.dumps(argv), now, now, run, out),
            )
            number = cursor.lastrowid
        assert number is not None
        found = self.find(str(number))
        assert found is not None
        return found

    def find(self, name: str) -> Job | None:
        """The job of that id."""
        if not name.isdecimal() or len(name) > 15:
            return None
        rows = self._rows("SELECT * FROM jobs WHERE number = ?", int(name))
        return rows[0] if rows else None

    def all(self, limit: int = 500) -> list[Job]:
        """The newest jobs first."""
        return self._rows("SELECT * FROM jobs ORDER BY number DESC LIMIT ?", limit)

    def queued(self) -> list[Job]:
        """Those that wait, the next one first."""
        return self._rows("SELECT * FROM jobs WHERE state = 'queued' ORDER BY position, number")

    def active(self) -> list[Job]:
        """Those that run or are being stopped."""
        return self._rows("SELECT * FROM jobs WHERE state IN ('running', 'stopping')")

    def change(self, job: Job, **values: Any) -> Job:
        """The job with other values, which are stored."""
        stored = dict(values)
        for name in ("argv", "result"):
            if name in values:
                stored[name] = json.dumps(values[name])
        names = ", ".join(f"{name} = ?" for name in stored)
        with self._transaction() as connection:
            connection.execute(
                f"UPDATE jobs SET {names} WHERE number = ?",  # names are those of the fields
                (*stored.values(), job.number),
            )
        return replace(job, **values)

    def order(self, names: Sequence[str]) -> None:
        """Put queued jobs into this order, before all others that are queued."""
        queued = {job.id: job for job in self.queued()}
        wanted = [queued[name] for name in names if name in queued]
        rest = [job for job in queued.values() if job not in wanted]
        with self._transaction() as connection:
            for position, job in enumerate([*wanted, *rest]):
                connection.execute(
                    "UPDATE jobs SET position = ? WHERE number = ?", (position, job.number)
                )

    def remove(self, job: Job) -> None:
        """Forget a job; its files stay."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM jobs WHERE number = ?", (job.number,))

    def _rows(self, query: str, *values: object) -> list[Job]:
        with self._lock, _as_os_errors():
            rows = self._connection.execute(query, values).fetchall()
        return [_job(dict(row)) for row in rows]

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, _as_os_errors():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):  # SQLite may have done so itself
                    self._connection.execute("ROLLBACK")
                raise


@contextlib.contextmanager
def _as_os_errors() -> Iterator[None]:
    """Errors of SQLite as those of the disk that they come from."""
    try:
        yield
    except sqlite3.OperationalError as error:
        full = error.sqlite_errorcode == sqlite3.SQLITE_FULL
        raise OSError(
            errno.ENOSPC if full else errno.EIO,
            "the disk is full" if full else f"the queue cannot be read or written ({error})",
        ) from None


def _job(row: dict[str, Any]) -> Job:
    for name in ("options", "argv", "result"):
        row[name] = None if row[name] is None else json.loads(row[name])
    return Job(**row)
