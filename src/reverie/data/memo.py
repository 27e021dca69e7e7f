"""What is known of image files, kept in the cache for as long as they are unchanged.

Files count as unchanged if their names, paths, sizes, inodes and times (of the last modification
and of the last change of status) are the same: that is fast, since no file is read.
"""

import contextlib
import hashlib
import json
from collections.abc import Callable
from typing import Any, TypeVar

from reverie.core import progress
from reverie.core.files import cache_home, parse_json, write_atomic
from reverie.data.source import Source

T = TypeVar("T")

KINDS = ("digests", "looks", "sheets")
"""Folders of the cache that `remember` fills."""


def stat_digest(source: Source) -> str:
    """Hash of what the system knows of the files without reading them, when they were first asked.

    Raises:
        UserError: if a file is gone.
    """
    return source.stat_digest


def content_digest(source: Source) -> str:
    """Hash of names and contents; the contents are read where the files are new or changed.

    Raises:
        UserError: if a file cannot be read.
    """
    if not source.files:
        return source.digest()
    return remember("digests", stat_digest(source), source.digest)


def remember(kind: str, key: str, compute: Callable[[], T]) -> T:
    """What `compute` returned before for `key`, which JSON must be able to hold.

    It is computed again where it is new or its file is damaged. That it cannot be kept, as in a
    folder that is not writable, costs time at the next start, and nothing else.
    """
    file = cache_home() / kind / f"{key}.json"
    try:
        return unsealed(file.read_text())["value"]
    except FileNotFoundError:
        pass  # it is new
    except (OSError, ValueError, KeyError):
        progress.say(f"{file} is damaged: the images are read again")
    value = compute()
    with contextlib.suppress(OSError):
        write_atomic(file, sealed({"value": value}))
    return value


def sealed(content: dict[str, Any]) -> str:
    """A JSON object with its own hash."""
    return json.dumps(content | {"sha256": _hash(content)})


def unsealed(text: str) -> dict[str, Any]:
    """The content of what `sealed` returned.

    Raises:
        ValueError: if it was changed since.
    """
    content = parse_json(text)
    if not isinstance(content, dict) or content.pop("sha256", None) != _hash(content):
        raise ValueError("changed since it was written")
    return content


def _hash(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
