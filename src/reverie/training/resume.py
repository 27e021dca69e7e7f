"""What may differ when a run is resumed, and what a training starts from."""

from pathlib import Path

from reverie.core.errors import UserError
from reverie.core.options import flag_of
from reverie.data import ImageSpec
from reverie.methods.presets import recipe_for
from reverie.methods.recipe import Recipe
from reverie.runs.run import Run, find_run


def base_recipe(method: str, out: Path, preset: str | None, resume: bool) -> Recipe:
    """What a training starts from: a preset, the defaults, or the recipe of the run to resume.

    Raises:
        UserError: if there is no such method, preset or run, or the run trains another method.
    """
    if not resume:
        return recipe_for(method, preset)
    before = find_run(out).recipe()
    if method != before.method:
        raise UserError(
            f"{out} trains a {before.method}, not a {method}: "
            f"reverie train {before.method} --resume."
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


def check_same_images(run: Run, spec: ImageSpec) -> None:
    """Raise a UserError if channels or number of classes differ from the run's."""
    before = run.facts()["pictures"]
    for name, now in (("channels", spec.channels), ("classes", spec.classes)):
        then = len(before["class_names"]) if name == "classes" else before[name]
        if then != now:
            raise UserError(
                f"the dataset has changed since this run was started: {then} {name} then, {now} "
                "now. Restore it, or start a new run in another folder."
            )
