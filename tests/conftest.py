import os
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings
from PIL import Image

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell starts what runs behind it
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # nohup
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# A machine that is busy is no fault of the code.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")

torch.set_num_threads(1)  # two threads a test on two cores are many times slower


LONG = {"test_crashes.py", "test_loop.py", "test_sweep.py", "test_page.py", "test_contract.py"}
"""Files whose tests take a minute together: first, so that no core is idle at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in LONG)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REVERIE_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture
def photos(tmp_path: Path) -> Callable[..., Path]:
    """A function that makes a folder of small colour pictures."""

    def make(count: int = 12, name: str = "photos", size: tuple[int, int] = (40, 32)) -> Path:
        folder = tmp_path / name
        folder.mkdir(parents=True, exist_ok=True)
        random = np.random.default_rng(len(name))
        for index in range(count):
            pixels = random.integers(0, 256, (size[1], size[0], 3), np.uint8)
            Image.fromarray(pixels).save(folder / f"{index:03d}.png")
        return folder

    return make


@pytest.fixture
def environment() -> dict[str, str]:
    """The environment for a process that a test starts: one thread, our cache."""
    return os.environ | {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "default"}
