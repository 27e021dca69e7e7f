import json
import platform
import re
import subprocess
from importlib import metadata
from pathlib import Path

import pytest
import torch

import reverie
from reverie.runs.environment import commit, machine, versions


def test_versions() -> None:
    found = versions()
    assert found.pop("python") == platform.python_version()
    assert found.keys() == {"reverie", "torch", "accelerate", "numpy", "pillow"}
    assert found["torch"].split("+")[0] == torch.__version__.split("+")[0]
    assert all(version == metadata.version(name) for name, version in found.items())


def test_the_machine_can_be_written_as_json() -> None:
    found = machine()
    assert found["threads"] == torch.get_num_threads()
    assert found["processor"]
    assert (found["gpu"] is None) == (not torch.cuda.is_available())
    assert json.loads(json.dumps(found)) == found


def test_the_commit_is_gits() -> None:
    root = Path(reverie.__file__).parents[2]
    if not (root / ".git").exists():
        assert commit() is None
        return
    done = subprocess.run(
        ["git", "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    )
    found = re.search(r"([0-9a-f]{7,40})(-dirty)?$", commit() or "")
    assert found
    assert done.stdout.startswith(found.group(1))


def test_without_git_there_is_no_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert commit() is None
