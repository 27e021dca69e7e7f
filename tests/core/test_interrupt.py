import io
import os
import signal
import threading
import time
from contextlib import suppress

import pytest

from reverie.core.interrupt import STOP_SIGNALS, StopSignal


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_the_first_signal_is_deferred(
    number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    with StopSignal("writing the last image") as requested:
        assert not requested()
        os.kill(os.getpid(), number)
        assert requested()
    assert "writing the last image; once more to stop at once" in capsys.readouterr().err


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_the_second_signal_interrupts(
    second: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.monotonic()
    with StopSignal() as requested:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), second)  # the same request, by way of another process
        assert requested()
        monkeypatch.setattr(time, "monotonic", lambda: now + 1.5)
        os.kill(os.getpid(), signal.SIGUSR1)  # what the system repeats by itself
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), second)


def test_ignored_signals_stay_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopSignal() as requested:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not requested()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_what_cannot_be_printed_is_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

        def flush(self) -> None:
            raise BrokenPipeError

    monkeypatch.setattr("sys.stderr", Closed())
    with StopSignal() as requested:
        os.kill(os.getpid(), signal.SIGTERM)
        assert requested()


def test_the_handlers_are_restored() -> None:
    def mine(number: int, frame: object) -> None: ...

    before = {n: signal.signal(n, mine) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        with suppress(RuntimeError), StopSignal():
            assert signal.getsignal(signal.SIGINT) is not mine
            raise RuntimeError
        assert all(signal.getsignal(number) is mine for number in before)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_two_uses_are_independent() -> None:
    with StopSignal() as first:
        os.kill(os.getpid(), signal.SIGINT)
    with StopSignal() as second:
        assert not second()
    assert first()


def test_in_another_thread_signals_are_left_alone() -> None:
    seen = []

    def work() -> None:
        with StopSignal() as requested:
            seen.append((requested(), signal.getsignal(signal.SIGINT)))

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(False, before)]
