"""Atomic file writes, cache location, JSON reading.

Files are written to a temporary name, flushed and renamed: a process that is killed while writing
leaves the old file unchanged.
"""

import json
import os
import uuid
from pathlib import Path
from typing import Any

from reverie.core.errors import UserError


def write_atomic(path: Path, content: bytes | str) -> None:
    """Write `content` to `path` atomically: readers see the old file or the complete new one.

    Raises:
        OSError: if the disk is full or the folder is not writable; `path` is then unchanged.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    data = content.encode() if isinstance(content, str) else content
    try:
        with open(aside, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def cache_home() -> Path:
    """Cache folder of decoded images and downloaded datasets.

    `REVERIE_CACHE` if set, else `reverie` in `XDG_CACHE_HOME` or `~/.cache`.
    """
    chosen = os.environ.get("REVERIE_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "reverie"


def remove_partial_files(folder: Path) -> None:
    """Delete temporary files of interrupted writes in `folder`."""
    for part in folder.glob(".*.part"):
        part.unlink(missing_ok=True)


def readable_bytes(count: float) -> str:
    """`count` bytes with a decimal unit: `1.5 GB`."""
    if count < 1000:
        return f"{count:.0f} bytes"
    for unit in ("kB", "MB", "GB"):
        count /= 1000
        if count < 999.5 or unit == "GB":  # from there on three digits round to 1000
            break
    return f"{count:.0f} {unit}" if count >= 100 else f"{count:.3g} {unit}"


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file that holds one object.

    Raises:
        UserError: if the file is unreadable, not JSON, or not an object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UserError(f"{path}: this file cannot be read ({error}).") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: this file must hold one JSON object.")
    return content
