"""Memory of the process."""

import ctypes
import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's mallopt: `M_TRIM_THRESHOLD` and `M_MMAP_THRESHOLD`."""

NEVER, LARGEST = 2**31 - 1, 2**30
"""Thresholds in bytes: free memory at the end of the heap is not returned, and blocks of up to
1 GiB are taken from the heap."""

USUAL_TRIM, USUAL_MMAP = 2**26, 2**25
"""The largest values that glibc gives both by itself."""

VARIABLES = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")
"""Variables of the environment by which a user sets the thresholds."""


def return_free_memory() -> None:
    """Return free heap memory to the operating system, where the C library supports it (glibc).

    Otherwise glibc keeps the memory of freed tensors: up to 100 MB after a small training.
    """
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


@contextmanager
def collection_paused() -> Iterator[None]:
    """Pause the garbage collection: where many small objects are made and all are kept, each
    collection goes through all of them."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Keep the memory of freed tensors for the next ones, where the C library is glibc.

    By default glibc maps each tensor of more than 32 MB separately, and returns the end of its
    heap: each training step then has page faults for the same memory. Free memory is returned at
    the end. Thresholds that a user has set by `VARIABLES` remain.
    """
    chosen = any(name in os.environ for name in VARIABLES)
    if not chosen:
        _set_thresholds(NEVER, LARGEST)
    try:
        yield
    finally:
        if not chosen:
            _set_thresholds(USUAL_TRIM, USUAL_MMAP)
        return_free_memory()


def _set_thresholds(trim: int, mmap: int) -> None:
    """Set both thresholds in bytes; without effect where there is no mallopt."""
    with suppress(AttributeError, OSError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(TRIM_THRESHOLD, trim)
        mallopt(MMAP_THRESHOLD, mmap)
