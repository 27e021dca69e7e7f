import contextlib
import errno
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from reverie.core.errors import UserError
from reverie.core.lock import OWNER, FolderLock, is_locked

HOLDER = """
import sys, time
from pathlib import Path
from reverie.core.lock import FolderLock
with FolderLock(Path(sys.argv[1]), "training"):
    print("held", flush=True)
    time.sleep(60)
"""


@contextmanager
def _holder(folder: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLDER, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_writer_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with _holder(folder) as process:
        sentence = rf"run is being written by process {process.pid} on .* \(training\): wait"
        with pytest.raises(UserError, match=sentence), FolderLock(folder, "training"):
            pass
    with FolderLock(folder, "training"):
        assert json.loads((folder / ".lock.json").read_text())["pid"] == os.getpid()
    with FolderLock(folder, "training"):
        (folder / "file").touch()
    assert sorted(os.listdir(folder)) == [".lock", "file"]


def test_a_folder_in_which_nothing_was_done_goes_again(tmp_path: Path) -> None:
    with suppress(RuntimeError), FolderLock(tmp_path / "run", "training"):
        raise RuntimeError
    assert not os.listdir(tmp_path)


def test_in_one_process_too(tmp_path: Path) -> None:
    with FolderLock(tmp_path, "training"):
        with pytest.raises(UserError, match="is being written"), FolderLock(tmp_path, "training"):
            pass
        refused = []

        def work() -> None:
            try:
                with FolderLock(tmp_path, "training"):
                    pass
            except UserError as error:
                refused.append(str(error))

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert len(refused) == 1


def test_who_waits_goes_on_after_the_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with _holder(tmp_path) as process:
        threading.Timer(0.5, process.kill).start()
        with FolderLock(tmp_path, "decoding", wait=True):
            assert process.wait() == -signal.SIGKILL
    assert f"waiting for process {process.pid} on" in capsys.readouterr().err


def test_file_systems_without_locks_are_used_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = FolderLock(tmp_path, "training")

    def fail(**keywords: object) -> None:
        raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr(lock._lock, "acquire", fail)
    with lock:
        pass
    assert "has no locks" in capsys.readouterr().err


def test_who_waits_may_outlive_the_folder(tmp_path: Path) -> None:
    """The holder, which fails, removes a folder that has nothing but its lock."""
    entered = []

    def work() -> None:
        with FolderLock(tmp_path / "x", "decoding", wait=True):
            entered.append(True)

    thread = threading.Thread(target=work)
    with contextlib.suppress(UserError), FolderLock(tmp_path / "x", "decoding"):
        thread.start()
        thread.join(0.3)
        assert entered == []
        raise UserError("it cannot be done.")
    thread.join(10)
    assert entered == [True]


def test_a_damaged_owner_is_no_obstacle(tmp_path: Path) -> None:
    with FolderLock(tmp_path, "training"):
        for content in ("", "[]", "{"):
            (tmp_path / ".lock.json").write_text(content)
            with (
                pytest.raises(UserError, match="written by another process: wait"),
                FolderLock(tmp_path, "training"),
            ):
                pass


def test_a_lock_is_seen_from_outside(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    assert not is_locked(folder)
    with FolderLock(folder, "training"):
        assert is_locked(folder)
    assert not is_locked(folder)
    owner = {"pid": os.getpid(), "host": socket.gethostname(), "doing": "training"}
    (folder / OWNER).write_text(json.dumps(owner))  # as a process that was killed leaves it
    assert not is_locked(folder)
    (folder / OWNER).write_text("{")
    assert not is_locked(folder)


def test_without_locks_the_process_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr("filelock.FileLock.acquire", fail)
    for pid, locked in ((os.getpid(), True), (2**22 + 1, False)):
        owner = {"pid": pid, "host": socket.gethostname()}
        (tmp_path / OWNER).write_text(json.dumps(owner))
        assert is_locked(tmp_path) == locked
    (tmp_path / OWNER).write_text('{"pid": 1}')
    assert not is_locked(tmp_path)
