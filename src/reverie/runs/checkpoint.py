"""Checkpoints: a safetensors file with a SHA-256 file for integrity."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor


@dataclass(frozen=True)
class Checkpoint:
    """Everything needed to resume: named tensors, and JSON-serialisable values in `facts`."""

    step: int
    tensors: dict[str, Tensor]
    facts: dict[str, Any]


def _read_checkpoint(path: Path) -> Checkpoint | None:
    try:
        expected = path.with_suffix(".sha256").read_text().split()[0]
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != expected:
            return None
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        metadata = header["__metadata__"]
        facts = json.loads(metadata["facts"])
        float(facts["seconds"])  # what no checkpoint is without
        return Checkpoint(int(metadata["step"]), load(content), facts)
    except (OSError, LookupError, ValueError, TypeError, SafetensorError):
        return None
