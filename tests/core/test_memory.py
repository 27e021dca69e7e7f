import ctypes
import sys
from pathlib import Path

import pytest
import torch

from reverie.core.memory import return_free_memory


def resident_megabytes() -> float:
    """What the process holds in memory."""
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if "VmRSS" in x)
    return int(line.split()[1]) / 1000


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_pages_of_freed_tensors_are_returned() -> None:
    kept, freed = [], []
    for _ in range(400):  # in blocks too small to be mapped one by one
        freed.append(torch.ones(25_000))
        kept.append(torch.ones(10))
    freed.clear()
    before = resident_megabytes()
    return_free_memory()
    assert resident_megabytes() < before - 20


def test_other_systems_have_no_such_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    return_free_memory()
