import ctypes
import gc
import os
import platform
import subprocess
import sys

import pytest

from reverie.core.memory import collection_paused, freed_memory_kept, return_free_memory

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


KEEPING = """
import resource
from pathlib import Path
from reverie.core.memory import collection_paused, freed_memory_kept

def resident_megabytes():
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if "VmRSS" in x)
    return int(line.split()[1]) / 1000

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        bytearray(40_000_000)  # above glibc's own limit
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

before = resident_megabytes()
usual = faults()
with freed_memory_kept():
    faults()
    kept = faults()
print(usual, kept, resident_megabytes() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's")
@pytest.mark.parametrize("chosen", [False, True])
def test_freed_pages_are_kept_and_returned_at_the_end(chosen: bool) -> None:
    own = {"MALLOC_MMAP_THRESHOLD_": "1000000"} if chosen else {}
    others = {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "GLIBC_"))}
    command = [sys.executable, "-c", KEEPING]
    done = subprocess.run(command, env=others | own, capture_output=True, text=True, check=True)
    usual, kept, more = map(float, done.stdout.split())
    assert (kept > 0.9 * usual) if chosen else (kept < 0.1 * usual)
    assert more < 20


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_freed_pages_are_returned() -> None:
    by_itself_none = os.environ | {"MALLOC_TRIM_THRESHOLD_": "1000000000"}
    command = [sys.executable, "-c", FREEING]
    done = subprocess.run(command, env=by_itself_none, capture_output=True, text=True, check=True)
    assert float(done.stdout) > 30


def test_other_systems_have_no_such_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    return_free_memory()
    with freed_memory_kept():
        pass


def test_collection_goes_on_after_an_error() -> None:
    def fail() -> None:
        with collection_paused(), collection_paused():
            assert not gc.isenabled()
            raise ValueError("inside")

    with pytest.raises(ValueError, match="inside"):
        fail()
    assert gc.isenabled()
