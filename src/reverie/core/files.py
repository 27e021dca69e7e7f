"""Files that are whole or absent: written beside their name, flushed, then renamed.

A process that is killed while it writes leaves the old file as it was.
"""

import json
import os
import uuid
from pathlib import Path
from typing import Any

from reverie.core.errors import UserError


def write_atomic(path: Path, content: bytes | str) -> None:
    """Write `content` to `path` so that a reader sees the old file or the new one, never a part.

    Raises:
        OSError: if the disk is full or the folder cannot be written; `path` is then untouched.
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
    """Where decoded pictures and fetched sets are kept: `REVERIE_CACHE`, else the user's cache."""
    chosen = os.environ.get("REVERIE_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "reverie"


def remove_partial_files(folder: Path) -> None:
    """Delete the parts that killed writers left in `folder`."""
    for part in folder.glob(".*.part"):
        part.unlink(missing_ok=True)


def readable_bytes(count: float) -> str:
    """`count` bytes in words: `1.5 GB`."""
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        UserError: if it cannot be read as one.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UserError(f"{path}: this file cannot be read ({error}).") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: this file should hold one JSON object.")
    return content
