import ctypes
import os
import subprocess
import sys

import pytest

from reverie.core.memory import return_free_memory

FREEING = """
from pathlib import Path
from reverie.core.memory import return_free_memory

def resident_megabytes():
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if "VmRSS" in x)
    return int(line.split()[1]) / 1000

blocks = [bytearray(100_000) for _ in range(400)]  # too small to be mapped one by one
blocks.clear()
before = resident_megabytes()
return_free_memory()
print(before - resident_megabytes())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_freed_pages_are_returned() -> None:
    by_itself_none = os.environ | {"MALLOC_TRIM_THRESHOLD_": "1000000000"}
    command = [sys.executable, "-c", FREEING]
    done = subprocess.run(command, env=by_itself_none, capture_output=True, text=True, check=True)
    assert float(done.stdout) > 30


def test_other_systems_have_no_such_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    return_free_memory()
