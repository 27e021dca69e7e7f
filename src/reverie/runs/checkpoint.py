"""Checkpoints: a safetensors file with a SHA-256 file for integrity."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Checkpoint:
    """Everything needed to resume: named tensors, and JSON-serialisable values in `facts`."""

    step: int
    tensors: "dict[str, Tensor]"
    facts: dict[str, Any]


@dataclass(frozen=True)
class CheckpointHeader:
    """A checkpoint without its tensors, read without PyTorch."""

    step: int
    facts: dict[str, Any]

    @property
    def seconds(self) -> float:
        """Training time until then."""
        return float(self.facts["seconds"])

    @property
    def processes(self) -> int:
        """How many trained together."""
        return (self.facts.get("origin") or {}).get("processes", 1)


def read_header(path: Path) -> CheckpointHeader | None:
    """Step and facts of a checkpoint; None if it is damaged."""
    found = _intact(path)
    return None if found is None else found[0]


def read_checkpoint(path: Path) -> Checkpoint | None:
    """A whole checkpoint; None if it is damaged."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    found = _intact(path)
    try:
        return None if found is None else Checkpoint(found[0].step, load(found[1]), found[0].facts)
    except (LookupError, ValueError, TypeError, SafetensorError):
        return None


def _intact(path: Path) -> tuple[CheckpointHeader, bytes] | None:
    """The header and the content of a checkpoint; None if it is damaged."""
    try:
        expected = path.with_suffix(".sha256").read_text().split()[0]
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != expected:
            return None
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        metadata = header["__metadata__"]
        found = CheckpointHeader(int(metadata["step"]), json.loads(metadata["facts"]))
        found.seconds  # noqa: B018  what no checkpoint is without
    except (OSError, LookupError, ValueError, TypeError):
        return None
    return found, content
