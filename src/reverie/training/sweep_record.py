"""What `sweep.json` says of a sweep, and whether a command goes on with it; without PyTorch."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reverie.core.errors import UserError
from reverie.core.files import read_json
from reverie.core.options import flag_of
from reverie.methods.recipe import Recipe
from reverie.runs.place import SWEEP_FILE
from reverie.training.combinations import Axes, Combination, plain_options


def definition_of(base: Recipe, axes: Axes, combinations: Sequence[Combination]) -> dict[str, Any]:
    """What is written of a sweep: method, options of all runs, axes, names of the runs."""
    options = plain_options(base)
    for name in axes:
        del options[name]
    return {
        "method": base.method,
        "options": options,
        "axes": list(combinations[0].values),
        "names": [one.name for one in combinations],
    }


def record_in(folder: Path, definition: Mapping[str, Any]) -> dict[str, Any] | None:
    """The record of the sweep in a folder, which another command goes on with; None for none.

    Args:
        folder: of the sweep.
        definition: of the sweep that is asked for.

    Raises:
        UserError: if the record is damaged, or of another sweep.
    """
    record = folder / SWEEP_FILE
    if not record.exists():
        return None
    before = _read(record)
    _refuse_changed(before["sweep"], definition, folder)
    return before


def _read(record: Path) -> dict[str, Any]:
    """The record of a sweep.

    Raises:
        UserError: if it is no such record.
    """
    content = read_json(record)
    try:
        definition, runs = content["sweep"], content["runs"]
        good = all(isinstance(one["name"], str) and one["state"] for one in runs)
        good = good and isinstance(definition["method"], str)
        good = good and all(isinstance(name, str) for name in definition["names"])
        good = good and all(isinstance(name, str) for name in definition["axes"])
        good = good and isinstance(definition["options"], dict)
    except (KeyError, TypeError):
        good = False
    if not good:
        raise UserError(
            f"{record} is no record of a sweep, or is damaged: choose another --out, or restore it."
        )
    return content


def _refuse_changed(before: Mapping[str, Any], now: Mapping[str, Any], folder: Path) -> None:
    """Raise a UserError if a sweep would go on with other options, or without some of its runs."""
    if before["method"] != now["method"]:
        raise UserError(
            f"{folder} is a sweep of {before['method']}, not of {now['method']}: choose another "
            "--out."
        )
    if sorted(before["axes"]) != sorted(now["axes"]):
        raise UserError(
            f"the sweep in {folder} goes through {' and '.join(before['axes'])}: give values for "
            "these, or choose another --out."
        )
    old, new = before["options"], now["options"]
    for name in old.keys() & new.keys():  # another version may have options more
        if old[name] != new[name]:
            raise UserError(
                f"the sweep in {folder} has {flag_of(name)} {old[name]}, not {new[name]}: leave it "
                "as it was to go on, or choose another --out."
            )
    missing = [name for name in before["names"] if name not in now["names"]]
    if missing:
        raise UserError(
            f"the sweep in {folder} also has {missing[0]}: values can be added to it, and none "
            "left out; choose another --out for fewer."
        )
