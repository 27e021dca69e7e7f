"""Versions, commit and hardware, as recorded in a run."""

import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that affect numerical results."""
    names = ("reverie", "torch", "accelerate", "numpy", "pillow")
    return {"python": platform.python_version()} | {n: metadata.version(n) for n in names}


def commit() -> str | None:
    """Git commit of reverie's source, if it runs from a checkout."""
    source = Path(__file__).resolve().parents[3]
    if not (source / ".git").exists():
        return None
    try:
        described = subprocess.run(
            ["git", "-C", str(source), "describe", "--always", "--dirty"],
            capture_output=True, text=True, timeout=10, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return described.stdout.strip()


def machine() -> dict[str, Any]:
    """CPU model, number of threads and GPU model."""
    import torch

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [x for x in cpuinfo.read_text().splitlines() if x.startswith("model name")]
        processor = names[0].split(":", 1)[1].strip() if names else processor
    return {"processor": processor, "threads": torch.get_num_threads(), "gpu": gpu}
