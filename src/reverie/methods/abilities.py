"""What models can do, in words; without PyTorch, for the refusals of the command line."""

import re
from collections.abc import Iterable, Sequence

from reverie.core.errors import UserError, nearest

ABOUT = {
    "sample": "generates images from noise",
    "sample --steps": "removes noise step by step",
    "reconstruct": "encodes images into latents",
    "translate": "translates images to another domain",
    "upscale": "upscales images",
}
"""What a model does for each command, in the order in which `info` lists it."""


def described(verbs: Iterable[str]) -> str:
    """In words, what a model can do and by which command."""
    can = [f"{ABOUT[verb]} ({verb})" for verb in verbs]
    return "it " + " and ".join(can) if can else "it cannot be used by itself"


def cannot(name: str, verb: str, verbs: Iterable[str]) -> str:
    """The sentence that refuses a model which lacks an ability.

    Args:
        name: what the model is called.
        verb: the command that was asked for, a key of `ABOUT`.
        verbs: the commands that it can be used with.
    """
    return f"{name} is no model that {ABOUT[verb]}: {described(verbs)}."


def class_number(name: str, label: int | str, names: Sequence[str]) -> int:
    """The number of the class that a label names.

    Args:
        name: what the model is called.
        label: a name, or a number as such or in digits; a name goes first.
        names: of the model's classes.

    Raises:
        UserError: if there is no such class.
    """
    if isinstance(label, str) and label in names:
        return names.index(label)
    if not names:
        raise UserError(f"{name} knows no classes: leave the label out.")
    if isinstance(label, str) and not re.fullmatch(r"-?\d+", label):
        raise UserError(f"{name} has no class {label!r}; {nearest(label, names)}")
    number = int(label)
    if not 0 <= number < len(names):
        raise UserError(f"{name} has no class {number}: its classes are 0 to {len(names) - 1}.")
    return number
