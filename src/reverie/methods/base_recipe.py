"""What a training starts from: a preset, the defaults, a file, or the run that goes on.

The functions that look these up are passed: the library imports the method, while the command line
knows its options from an index, so that wrong words are refused without PyTorch.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from reverie.core.errors import UserError
from reverie.core.options import flag_of
from reverie.methods.presets import AUTO
from reverie.methods.recipe import Recipe
from reverie.methods.recipe_file import read_recipe


@dataclass(frozen=True)
class RecipeSources:
    """Where recipes are looked up."""

    of_preset: Callable[[str, str | None], Recipe]
    """From a method and a preset, or None for the defaults."""
    of_run: Callable[[Path], Recipe]
    """From the folder of a run."""


def find_base_recipe(
    sources: RecipeSources,
    method: str | None,
    out: Path,
    preset: str | None,
    resume: bool,
    config: Path | None = None,
) -> Recipe:
    """What a training starts from.

    With the preset `auto` it is the defaults, from which one is picked as soon as images are known.

    Args:
        sources: where recipes are looked up.
        method: what is trained; None where the file or the run says it.
        out: the run.
        preset: the name of a preset.
        resume: whether the run goes on.
        config: the file of a recipe.

    Raises:
        UserError: if there is no such method, preset, file or run, or it is of another method.
    """
    if config is not None and resume:
        raise UserError(f"--config is for a new run: {out} goes on with its own options.")
    named = None if preset == AUTO else preset  # which picks for what is new, and says nothing else
    if config is not None and named is not None:
        raise UserError(
            f'--preset does not go with --config: write preset = "{preset}" into the file.'
        )
    if config is not None:
        return read_recipe(config, method, sources.of_preset)
    if not resume:
        if method is None:
            raise UserError("say which method is trained, or give a recipe with --config.")
        return sources.of_preset(method, named)
    if named is not None:
        raise UserError(
            f"--preset {preset} is for a new run: {out} goes on with its own options. Leave it out."
        )
    before = sources.of_run(out)
    if method not in (None, before.method):
        raise UserError(
            f"{out} trains a {before.method}, not a {method}: "
            f"reverie train {before.method} --out {out} --resume."
        )
    return before


def check_resumable(before: Recipe, now: Recipe) -> None:
    """Raise a UserError if a run would be resumed with options that it was not begun with."""
    old, new = before.flat(), now.flat()
    for name in old.keys() - before.resumable():
        if old[name] != new[name]:
            raise UserError(
                f"this run was started with {flag_of(name)} {old[name]}, not {new[name]}: leave "
                "the option out to resume, or start a new run in another folder."
            )
