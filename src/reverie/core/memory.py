"""Memory of the process."""

import ctypes
from contextlib import suppress


def return_free_memory() -> None:
    """Return free heap memory to the operating system, where the C library supports it (glibc).

    Otherwise glibc keeps the memory of freed tensors: up to 100 MB after a small training.
    """
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
