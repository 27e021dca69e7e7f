"""`reverie train METHOD`: the flags depend on the method and the preset, which are read first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, make_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from reverie.cli.command import Command
from reverie.cli.methods import MethodsCommand
from reverie.cli.parse import parse, value_of
from reverie.core.files import path_of
from reverie.core.options import Checked, OptionValue

if TYPE_CHECKING:
    from reverie.methods.recipe import Recipe
    from reverie.training.result import TrainResult


@dataclass(frozen=True, kw_only=True)
class TrainFlags(Checked):
    """Where a training goes and what it starts from."""

    out: Path
    """The run's folder."""
    preset: str | None = None
    """A named set of options to start from."""
    resume: bool = False
    """Continue the run in --out, with its own options."""
    restart: bool = False
    """Train the run in --out again from step 0, with its own options; replaces what it trained."""
    json: bool = False
    """Print the result as one JSON object."""


@dataclass(frozen=True, kw_only=True)
class TrainCommand(Command):
    """Train a method on a dataset; --resume continues after any interruption."""

    usage: ClassVar = "METHOD --data IMAGES --out RUN"
    method: str
    flags: TrainFlags
    changes: Mapping[str, OptionValue]

    @classmethod
    def parse(cls, prog: str, argv: Sequence[str]) -> Command:
        """The flags depend on the method, so it is read before them."""
        from reverie.methods import METHODS
        from reverie.methods.recipe import LENGTHS, Recipe
        from reverie.training.resume import base_recipe

        if not argv or argv[0] in ("-h", "--help", "--json"):
            return MethodsCommand(json="--json" in argv)
        method = argv[0]
        out = value_of(argv, "--out")
        resume = ("--resume" in argv or "--restart" in argv) and out is not None
        base = base_recipe(method, Path(out or ""), value_of(argv, "--preset"), resume)
        kind = METHODS.find(method)
        if any(value_of(argv, f"--{length}") is not None for length in LENGTHS):
            base = base.with_options(**dict.fromkeys(LENGTHS))  # the given one replaces the base's
        presets = f"Presets: {', '.join(kind.presets)}." if kind.presets else "It has no presets."
        about = f"{kind.about[0].upper()}{kind.about[1:]}. {presets}"
        parsed = parse(flags_of(base), f"{prog} {method}", argv[1:], about)
        chosen = Recipe(
            method=method, options=parsed.method, data=parsed.images, training=parsed.training
        )
        before = base.flat()
        changes = {name: v for name, v in chosen.flat().items() if v != before[name]}
        return cls(method=method, flags=parsed.run, changes=changes, json=parsed.run.json)

    def run(self) -> "TrainResult":
        from reverie.core.processes import leave_process_group
        from reverie.training.train import train

        result = train(
            self.method,
            path_of(self.flags.out),
            preset=self.flags.preset,
            resume=self.flags.resume,
            restart=self.flags.restart,
            changes=self.changes,
        )
        leave_process_group()
        return result


def flags_of(recipe: "Recipe") -> type:
    """A dataclass whose flags are the options of a recipe, with its values as defaults."""
    parts = {"method": recipe.options, "images": recipe.data, "training": recipe.training}
    fields = [
        (name, type(part), field(default_factory=lambda part=part: part))
        for name, part in parts.items()
    ]
    return make_dataclass("Train", [("run", TrainFlags), *fields], frozen=True, kw_only=True)
