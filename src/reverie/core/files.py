"""Files and folders that are replaced as a whole; cache location, JSON reading.

What is written goes to a temporary name, is flushed and renamed: a process that is killed while
writing leaves the old file or folder unchanged. The temporary name says whose it is, so that what a
killed process left can be removed.
"""

import ctypes
import errno
import hashlib
import json
import os
import re
import shutil
import socket
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache, lru_cache
from itertools import chain, count
from pathlib import Path
from typing import Any

from reverie.core.errors import UserError

PART = re.compile(r"(?s)\..*\.(?:(?P<host>[0-9a-f]{6})-(?P<pid>\d+)-)?[0-9a-f]{8}\.part")
"""Temporary names: hidden, with the writer's host and process, which older versions left out."""

LONGEST_NAME = 255
"""Bytes that a file system allows a name."""

SECONDS_UNTIL_ABANDONED = 86_400.0
"""Age from which a temporary file of another host, whose processes are unknown, is abandoned."""

RENAME_EXCHANGE = 2
"""Linux's flag of renameat2: both names stay, with their contents exchanged."""


def write_atomic(path: Path, content: bytes | str) -> None:
    """Write `content` to `path` atomically: readers see the old file or the complete new one.

    What killed processes left in the folder is removed when a process first writes there.

    Raises:
        OSError: if the disk is full or the folder is not writable; `path` is then unchanged.
    """
    # Names of files in other encodings than UTF-8 get escapes.
    data = content.encode(errors="backslashreplace") if isinstance(content, str) else content
    with errors_with_name(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_partial_files_once(path.parent.absolute(), os.getpid())
        aside = part_name(path)
        try:
            with open(aside, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(aside, path)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise


def append_line(path: Path, line: str) -> None:
    """Append one line to a file; where a killed process left half a line, after that.

    Raises:
        OSError: if the disk is full or the folder is not writable.
    """
    with errors_with_name(path), open(path, "ab+") as file:
        broken = False
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            broken = file.read(1) != b"\n"
        file.write(b"\n" * broken + line.encode() + b"\n")


@contextmanager
def replace_folder(folder: Path) -> Iterator[Path]:
    """A new empty folder to fill; it replaces `folder` as a whole at the end, or not at all.

    Raises:
        OSError: if the disk is full or the folder is not writable; `folder` is then unchanged.
    """
    folder = folder.resolve()  # a link to a folder stays a link
    with errors_with_name(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        aside = part_name(folder)
        try:
            aside.mkdir()
            yield aside
            _exchange(aside, folder)
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def _exchange(aside: Path, folder: Path) -> None:
    """Let `folder` be what `aside` is; what it was before is then called `aside`."""
    if not folder.exists():
        os.replace(aside, folder)
    elif not _exchange_names(aside, folder):
        # Without such a system call, a process that is killed between the next two lines leaves
        # both folders under temporary names.
        before = part_name(folder)
        os.replace(folder, before)
        os.replace(aside, folder)
        os.replace(before, aside)


def _exchange_names(one: Path, other: Path) -> bool:
    """Exchange two names in one system call; False where the system has none."""
    exchange = getattr(ctypes.CDLL(None), "renameat2", None) if sys.platform == "linux" else None
    if exchange is None:
        return False
    here = -100  # AT_FDCWD: relative names are relative to the working directory
    return exchange(here, os.fsencode(one), here, os.fsencode(other), RENAME_EXCHANGE) == 0


@contextmanager
def errors_with_name(path: Path) -> Iterator[None]:
    """Let errors of the system name `path` where they name none, or only its temporary name."""
    try:
        yield
    except OSError as error:
        named = error.filename is not None and not str(error.filename).endswith(".part")
        if error.errno is None or named:
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(path)) from error


def part_name(path: Path) -> Path:
    """The temporary name beside `path` of what this process is about to write there."""
    end = f".{_host()}-{os.getpid()}-{uuid.uuid4().hex[:8]}.part"
    name = os.fsencode(path.name)[: LONGEST_NAME - len(end) - 1]
    return path.with_name("." + os.fsdecode(name).encode("utf-8", "ignore").decode() + end)


def remove_partial_files(folder: Path) -> None:
    """Delete temporary files and folders in `folder` whose writer does not run any more."""
    for part in folder.glob(".*.part"):
        match = PART.fullmatch(part.name)
        if match is None or _is_written(part, match):
            continue
        if part.is_dir() and not part.is_symlink():
            shutil.rmtree(part, ignore_errors=True)
        else:
            part.unlink(missing_ok=True)


@lru_cache(maxsize=256)
def _remove_partial_files_once(folder: Path, process: int) -> None:
    remove_partial_files(folder)


def _is_written(part: Path, name: re.Match[str]) -> bool:
    if name["host"] == _host():
        import psutil  # imported here since it is rarely needed

        return psutil.pid_exists(int(name["pid"]))
    try:
        return time.time() - part.lstat().st_mtime < SECONDS_UNTIL_ABANDONED
    except FileNotFoundError:
        return False


@cache
def _host() -> str:
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:6]


def path_of(place: str | os.PathLike[str]) -> Path:
    """The path that a user wrote, with `~` for the home folder.

    Raises:
        UserError: if no file or folder can be called so.
    """
    text = os.fspath(place)
    if not text or "\0" in text:
        raise UserError(f"{text!r} is no name of a file or folder.")
    try:
        path = Path(place).expanduser()
    except RuntimeError:  # ~somebody who has no account
        path = Path(place)
    try:
        path.lstat()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise UserError(f"{text[:40]}...: this name is too long for a file.") from None
    return path


def cache_home() -> Path:
    """Cache folder of decoded images and downloaded datasets.

    `REVERIE_CACHE` if set, else `reverie` in `XDG_CACHE_HOME` or `~/.cache`.
    """
    chosen = os.environ.get("REVERIE_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "reverie"


def folder_bytes(folder: Path) -> int:
    """The size of all files in a folder; links are not followed."""
    used = 0
    for inner, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # it went in the meantime
                used += os.lstat(os.path.join(inner, name)).st_size
    return used


def readable_bytes(count: float) -> str:
    """`count` bytes with a decimal unit: `1.5 GB`."""
    if count < 1000:
        return f"{count:.0f} bytes"
    for unit in ("kB", "MB", "GB"):
        count /= 1000
        if count < 999.5 or unit == "GB":  # from there on three digits round to 1000
            break
    return f"{count:.0f} {unit}" if count >= 100 else f"{count:.3g} {unit}"


MAX_JSON_BYTES = 64_000_000


def refuse_no_folder(out: Path) -> None:
    """Refuse a folder of results that is a file or cannot be made or written to.

    Raises:
        UserError: if it is.
    """
    there = next((p for p in (out, *out.absolute().parents) if os.path.lexists(p)), Path("/"))
    if not there.exists():
        raise UserError(f"{there}: this link leads to nothing; remove it or choose another --out.")
    if not there.is_dir():
        raise UserError(f"{there}: this is a file, and --out is a folder.")
    if not os.access(there, os.W_OK | os.X_OK):
        raise UserError(f"{there}: this folder cannot be written to; choose another --out.")


def free_place(path: Path) -> Path:
    """`path`, or `path-2` and so on where it is a file or a folder that is not empty."""
    others = (path.with_name(f"{path.stem}-{n}{path.suffix}") for n in count(2))
    return next(p for p in chain([path], others) if not holds_something(p))


def holds_something(path: Path) -> bool:
    """Whether there is a file at `path`, or a folder that is not empty."""
    return os.path.lexists(path) and not (path.is_dir() and not os.listdir(path))


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file that holds one object.

    Raises:
        UserError: if the file is unreadable, too large, not JSON, or not an object.
    """
    try:
        with open(path, "rb") as file:
            text = file.read(MAX_JSON_BYTES + 1)
        if len(text) > MAX_JSON_BYTES:
            raise ValueError(f"it is larger than {readable_bytes(MAX_JSON_BYTES)}")
        content = parse_json(text.decode())
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: this file cannot be read ({error}).") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: this file must hold one JSON object.")
    return content


def parse_json(text: str) -> Any:
    """The content of a JSON document.

    Raises:
        ValueError: if it is none, or nested too deeply.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
