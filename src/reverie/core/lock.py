"""One writer at a time in a folder."""

import contextlib
import errno
import json
import os
import socket
from pathlib import Path
from typing import Any

import filelock

from reverie.core import progress
from reverie.core.errors import UserError
from reverie.core.files import errors_with_name

LOCK = ".lock"
OWNER = ".lock.json"


WITHOUT_LOCKS = (errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK)
"""Errors of file systems that have no locks."""


class FolderLock:
    """Context manager that is in one process, or one thread, at a time for each folder.

    The lock is the system's and ends with the process that holds it, however that ends: a lock of a
    killed process need not be removed. The file beside it, with the holder's process and host, is
    for messages only. A folder that is empty after an error is removed again.

    Args:
        folder: the folder to lock; it is made where there is none.
        doing: what the holder does there: `training`.
        wait: wait for another holder to finish, instead of refusing.

    Raises:
        UserError: on entering, if another process or thread holds the lock and `wait` is False.
    """

    def __init__(self, folder: Path, doing: str, *, wait: bool = False) -> None:
        self.folder = folder
        self._doing = doing
        self._wait = wait
        self._lock = filelock.FileLock(folder / LOCK)

    def __enter__(self) -> "FolderLock":
        self._new = not (self.folder / LOCK).exists()
        try:
            self._acquire(timeout=0)
        except filelock.Timeout:
            if not self._wait:
                raise UserError(
                    f"{self.folder} is being written by {self._holder()}: wait until it is done, "
                    "or stop it."
                ) from None
            progress.say(f"waiting for {self._holder()} in {self.folder}")
            self._acquire()
        except OSError as error:
            if error.errno not in WITHOUT_LOCKS:
                raise
            progress.warn(
                f"the file system of {self.folder} has no locks: start nothing else there."
            )
        owner = {"pid": os.getpid(), "host": socket.gethostname(), "doing": self._doing}
        with errors_with_name(self.folder / OWNER):
            (self.folder / OWNER).write_text(json.dumps(owner))
        return self

    def __exit__(self, *exception: object) -> None:
        (self.folder / OWNER).unlink(missing_ok=True)
        if self._new and exception[0] is not None:
            (self.folder / LOCK).unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # unless something came of it
                self.folder.rmdir()
        self._lock.release()

    def _acquire(self, timeout: float | None = None) -> None:
        while True:
            self.folder.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):  # a holder that left removed the folder
                self._lock.acquire(timeout=timeout)
                return

    def _holder(self) -> str:
        """The process that holds the lock, as far as it has said so already."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            owner = json.loads((self.folder / OWNER).read_text())
            return f"process {owner['pid']} on {owner['host']} ({owner['doing']})"
        return "another process"


def is_locked(folder: Path) -> bool:
    """Whether a process holds the lock of a folder.

    Only where one has said that it does, and what is asked then is the lock itself, which ends with
    a process that is killed; its number where the lock cannot be asked.
    """
    try:
        owner = json.loads((folder / OWNER).read_bytes())
    except (OSError, ValueError):
        return False
    try:
        with filelock.FileLock(folder / LOCK, timeout=0):
            return False
    except filelock.Timeout:
        return True
    except OSError:  # a folder that may not be written to, or without locks
        return _is_alive(owner)


def _is_alive(owner: Any) -> bool:
    import psutil  # imported here since it is rarely needed

    try:
        return owner["host"] == socket.gethostname() and psutil.pid_exists(int(owner["pid"]))
    except (KeyError, TypeError, ValueError):
        return False
