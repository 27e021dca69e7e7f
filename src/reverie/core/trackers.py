"""Whether an experiment tracker can be used: its name, and its package."""

import importlib
import importlib.util
from collections.abc import Iterable

from reverie.core.errors import UserError, nearest


def refuse_no_tracker(name: str, known: Iterable[str]) -> None:
    """Raise a UserError if there is no tracker `name`, or its package is not installed."""
    if name not in known:
        raise UserError(f"there is no tracker {name!r}; {nearest(name, known)}")
    if importlib.util.find_spec(name) is None:
        raise UserError(f"the tracker {name} is not installed: pip install {name}")


def refuse_broken_tracker(name: str) -> None:
    """Raise a UserError if the package of a tracker cannot be imported."""
    try:
        importlib.import_module(name)
    except Exception as error:  # whatever a package of others may raise
        raise UserError(
            f"the tracker {name} is installed but cannot be imported ({type(error).__name__}: "
            f"{error}): install it again, or leave it out of --track."
        ) from error
