"""Cache of arrays that were computed from a dataset, such as the features of its images.

An entry lies beside the decoded images, shares their limit and is removed like them. Its arrays are
read whole, and their checksum is compared each time.
"""

import hashlib
import json
import os
import zlib
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import torch
from safetensors.torch import load, save

from reverie.core import progress
from reverie.core.files import replace_folder, write_atomic
from reverie.data.cache_folder import (
    META,
    arrays_folder,
    building,
    cache_limit,
    make_room,
    mark_used,
    remove_abandoned,
)
from reverie.data.memo import sealed, unsealed

LAYOUT = 1
"""Version of the entries' file format; entries of other versions are ignored."""

ARRAYS = "arrays.safetensors"

Arrays = dict[str, torch.Tensor]


def cached_arrays(
    depends_on: dict[str, str | int], about: str, compute: Callable[[], Arrays]
) -> Arrays:
    """What `compute` returned before, from the cache if present.

    One process computes while others wait for it. That an entry cannot be kept, as in a folder that
    is not writable or on a full disk, costs the time at the next call, and nothing else.

    Args:
        depends_on: everything that the arrays depend on.
        about: what the arrays are, for `reverie cache`.
        compute: returns tensors on the CPU.
    """
    key = json.dumps({"layout": LAYOUT} | depends_on, sort_keys=True)
    folder = arrays_folder() / hashlib.sha256(key.encode()).hexdigest()[:16]
    remove_abandoned()
    found = open_arrays(folder)
    if found is not None:
        mark_used(folder)
        return found
    with ExitStack() as stack:
        with suppress(OSError):
            stack.enter_context(building(folder, f"computing {about}"))
        found = open_arrays(folder)  # another process may have computed them
        if found is None:
            if folder.exists():
                progress.say(f"{folder} is damaged: computing {about} again")
            found = compute()
            with suppress(OSError):
                _keep(folder, found, about)
    return found


def open_arrays(folder: Path) -> Arrays | None:
    """The arrays of an entry; None if it is absent or damaged."""
    try:
        expected = unsealed((folder / META).read_text()).get("crc32")
        content = (folder / ARRAYS).read_bytes()
    except (OSError, ValueError):
        return None
    if zlib.crc32(content) != expected:
        return None
    return load(content)


def _keep(folder: Path, arrays: Arrays, about: str) -> None:
    content = save({name: tensor.contiguous() for name, tensor in arrays.items()})
    if len(content) > cache_limit():
        return
    make_room(len(content))
    with replace_folder(folder) as aside:
        with open(aside / ARRAYS, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        write_atomic(aside / META, sealed({"crc32": zlib.crc32(content), "about": about}))
