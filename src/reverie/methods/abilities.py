"""What models can do, in words; without PyTorch, for the refusals of the command line."""

from collections.abc import Iterable

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
