import os
import signal
import threading

import pytest

from reverie.core.errors import UserError
from reverie.studio import models
from reverie.studio.home import Home
from reverie.studio.models import BusyError, ModelProcess


@pytest.mark.slow
def test_a_killed_process_is_said_and_started_again(home: Home) -> None:
    asked = ModelProcess(home)
    request = {"model": "digits", "count": 1, "steps": 1, "out": str(home.outputs)}
    assert len(asked.ask("sample", request)["images"]) == 1  # type: ignore[arg-type]
    assert asked._process is not None
    os.kill(asked._process.pid, signal.SIGKILL)
    asked._process.wait()
    assert len(asked.ask("sample", request)["images"]) == 1  # type: ignore[arg-type]
    threading.Timer(0.05, os.kill, [asked._process.pid, signal.SIGKILL]).start()
    with pytest.raises(UserError, match="the process of the models ended"):
        asked.ask("sample", request | {"count": 256, "steps": 50})
    asked.close()


def test_too_many_requests_are_refused(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "MOST_WAITING", 1)
    asked = ModelProcess(home)
    with asked._turn:  # of the request that is being answered
        asked._places.acquire()
        with pytest.raises(BusyError, match="busy"):
            asked.ask("sample", {})
        asked._places.release()


def test_an_unknown_verb_is_an_error(home: Home) -> None:
    asked = ModelProcess(home)
    with pytest.raises(UserError, match="must be given"):
        asked.ask("nothing", {})
    asked.close()
