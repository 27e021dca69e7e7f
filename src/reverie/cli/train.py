"""`reverie train METHOD`: the flags depend on the method and the preset, which are read first."""

from collections.abc import Sequence
from dataclasses import dataclass, field, make_dataclass
from pathlib import Path
from typing import Any

from reverie.cli.output import INTERRUPTED, Result
from reverie.cli.parse import parse, value_of
from reverie.core import progress
from reverie.core.errors import UserError


def train(argv: Sequence[str]) -> tuple[Result, bool, int]:
    """Train; the flags depend on the method, so it is read before them."""
    from reverie import api
    from reverie.core.processes import leave_the_group
    from reverie.methods import METHODS
    from reverie.methods.presets import PRESETS, recipe_for
    from reverie.methods.recipe import Recipe, find_method
    from reverie.runs.run import Run, find_run

    if not argv or argv[0] in ("-h", "--help"):
        lines = [f"  {name:<8} {method.about}" for name, method in METHODS.items()]
        text = "reverie train METHOD --data PICTURES --out RUN [options]\n\n" + "\n".join(lines)
        return ({"methods": list(METHODS)}, text), "--json" in argv, 0
    method = find_method(argv[0])
    out, preset = value_of(argv, "--out"), value_of(argv, "--preset")
    resume = "--resume" in argv
    if resume and out:
        base = find_run(out).recipe()
        if base.method != method:
            raise UserError(f"{out} trains a {base.method}: reverie train {base.method} --resume.")
    else:
        base = recipe_for(method, preset)
    about = f"{METHODS[method].about.capitalize()}. Presets: {', '.join(PRESETS[method])}."
    command = parse(flags_of(base), f"reverie train {method}", argv[1:], about)
    before = base.flat()
    chosen = Recipe(
        method=method, options=command.method, data=command.images, training=command.training
    ).flat()
    recipe = base.with_options(**{k: v for k, v in chosen.items() if v != before[k]})
    if resume:
        api.check_resumable(base, recipe)
    done = api.train_recipe(recipe, Run(command.run.out), resume)
    leave_the_group()
    facts = {
        "run": str(done.folder),
        "steps": done.steps,
        "seconds": round(done.seconds, 1),
        "finished": done.finished,
        "report": str(done.report),
    }
    pace = f"{done.steps:,} steps in {progress.readable_seconds(done.seconds)}"
    if done.finished:
        text = f"{pace}: {done.report}"
        if Run(done.folder).best.exists():
            best = api.info(done.folder)["best"]
            text += f"\nthe last model is in {done.folder / 'model'}, the best in {best['model']}: "
            text += f"step {best['step']:,}"
        return (facts, text), command.run.json, 0
    text = f"stopped after {pace}; go on with: reverie train {method} --out {done.folder} --resume"
    return (facts, text), command.run.json, INTERRUPTED


def flags_of(recipe: Any) -> type:
    """A dataclass whose flags are the options of a recipe, with its values as defaults."""
    parts = {"method": recipe.options, "images": recipe.data, "training": recipe.training}
    fields = [
        (name, type(part), field(default_factory=lambda part=part: part))
        for name, part in parts.items()
    ]
    return make_dataclass("Train", [("run", TrainFlags), *fields], frozen=True, kw_only=True)


@dataclass(frozen=True, kw_only=True)
class TrainFlags:
    """Where a training goes and what it starts from."""

    out: Path
    """The run's folder."""
    preset: str | None = None
    """A known recipe to start from."""
    resume: bool = False
    """Go on with the run in --out, with its own options."""
    json: bool = False
    """Print the result as one JSON object."""
