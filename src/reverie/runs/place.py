"""Where a run is; known without PyTorch."""

from pathlib import Path

from reverie.core.errors import UserError
from reverie.core.files import path_of

OPTIONS_FILE = "options.json"
"""The file that makes a folder a run."""


def refuse_no_run(place: str | Path) -> None:
    """Raise a UserError if there is no run in the folder `place`."""
    folder = path_of(place)
    if (folder / OPTIONS_FILE).exists():
        return
    beside = sorted(p.parent.name for p in folder.parent.glob(f"*/{OPTIONS_FILE}"))
    hint = f" Runs in the same folder: {', '.join(beside[:8])}." if beside else ""
    raise UserError(f"{place}: there is no run in this folder (no {OPTIONS_FILE}).{hint}")
