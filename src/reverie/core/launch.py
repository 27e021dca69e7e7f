"""How this process was started: alone, or as one of several that share the work."""

import os


def is_started_as_main() -> bool:
    """Whether this process was started as the one that writes and prints.

    `RANK` without several processes is somebody else's: of MPI, or of a scheduler.
    """
    several = os.environ.get("WORLD_SIZE", "1") != "1"
    return not several or os.environ.get("RANK", "0") == "0"
