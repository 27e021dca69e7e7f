"""Whether an experiment tracker can be used: its name, and its package."""

import importlib.util
from collections.abc import Iterable

from reverie.core.errors import UserError, nearest


def refuse_no_tracker(name: str, known: Iterable[str]) -> None:
    """Raise a UserError if there is no tracker `name`, or its package is not installed."""
    if name not in known:
        raise UserError(f"there is no tracker {name!r}; {nearest(name, known)}")
    if importlib.util.find_spec(name) is None:
        raise UserError(f"the tracker {name} is not installed: pip install {name}")
