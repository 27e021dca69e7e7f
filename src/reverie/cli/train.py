"""`reverie train METHOD`: the flags depend on the method and the preset, which are read first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, make_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from reverie.cli.command import Command
from reverie.cli.index import find_recipe
from reverie.cli.methods import MethodsCommand
from reverie.cli.parse import HELP, asks_for_help, parse, print_help, value_of
from reverie.cli.places import (
    refuse_no_data,
    refuse_no_file,
    refuse_unknown_data,
    refuse_unknown_parts,
)
from reverie.core.errors import UserError
from reverie.core.files import path_of, refuse_no_folder
from reverie.core.options import Checked, OptionValue
from reverie.core.result import Json, Result
from reverie.methods.index import check_current, method_entry
from reverie.runs.place import refuse_existing_run, refuse_no_run

if TYPE_CHECKING:
    from reverie.methods.recipe import Recipe
    from reverie.training.forecast import Forecast
    from reverie.training.result import TrainResult

F = TypeVar("F")


@dataclass(frozen=True, kw_only=True)
class TrainFlags(Checked):
    """Where a training goes and what it starts from."""

    out: Path
    """The run's folder."""
    preset: str = "auto"
    """A named set of options to start from. auto picks one by device, image size and number of
    images; default holds the method's own defaults."""
    config: Path | None = None
    """A recipe to start from: a .toml or .json file, or a run. Flags go before it."""
    print_config: bool = False
    """Print the recipe as TOML, for --config, and train nothing."""
    dry_run: bool = False
    """Say what would be trained and how long it takes here, and train nothing."""
    resume: bool = False
    """Continue the run in --out, with its own options."""
    restart: bool = False
    """Train the run in --out again from step 0, with its own options; replaces what it trained."""
    json: bool = False
    """Print the result as one JSON object."""


@dataclass(frozen=True)
class RecipeResult(Result):
    """A recipe that was asked for instead of a training."""

    recipe: "Recipe"

    def to_json(self) -> dict[str, Json]:
        return self.recipe.to_json()

    def summary(self) -> str:
        from reverie.methods.recipe_file import recipe_as_toml

        return recipe_as_toml(self.recipe)


@dataclass(frozen=True, kw_only=True)
class TrainCommand(Command):
    """Train a method on a dataset; --resume continues after any interruption."""

    usage: ClassVar = "METHOD --data IMAGES --out RUN"
    method: str | None
    base: Any
    """The `Recipe` that the options change; its module takes long to import."""
    flags: TrainFlags
    changes: Mapping[str, OptionValue]
    picks: bool = False
    """Whether `--preset auto` is to pick a preset for what is trained."""

    @classmethod
    def parse(cls, prog: str, argv: Sequence[str]) -> Command:
        """The flags depend on the method, so it is read before them."""
        if not argv or argv[0] in HELP or list(argv) == ["--json"]:
            return MethodsCommand(json="--json" in argv)
        method = None if argv[0].startswith("-") else argv[0]
        words = list(argv if method is None else argv[1:])
        base = _base(method, words)
        if {"--print-config", "--dry-run"} & set(argv) and value_of(argv, "--out") is None:
            words += ["--out", "."]  # which nothing is written to
        name = prog if method is None else f"{prog} {method}"
        usage, picks = cls.usage.removeprefix("METHOD "), _picks(words)
        flags, changes = parse_changes(base, TrainFlags, name, words, usage, picks)
        return cls(
            method=method, base=base, flags=flags, changes=changes, picks=picks, json=flags.json
        )

    def run(self) -> "TrainResult | RecipeResult | Forecast":
        self._refuse_what_cannot_be()
        if self.flags.print_config:
            return RecipeResult(self._whole_recipe())
        goes_on = self.flags.resume or self.flags.restart
        done = self._complete_run() if self.flags.resume and not self.flags.restart else None
        if done is not None:
            return done
        preset = None if self.flags.config or goes_on else self.flags.preset
        check_current(method_entry(self.base.method).recipe(preset), preset)
        from reverie.core.processes import leave_process_group
        from reverie.training.train import train

        out, file = path_of(self.flags.out), self.flags.config
        config = None if file is None else path_of(file)
        if self.flags.dry_run:
            return self._plan(out, config)
        result = train(
            self.method,
            out,
            preset=self.flags.preset,
            config=config,
            resume=self.flags.resume,
            restart=self.flags.restart,
            forecast=True,
            changes=self.changes,
        )
        leave_process_group()
        return result

    def _refuse_what_cannot_be(self) -> None:
        """Raise a UserError where that can be known without PyTorch."""
        from reverie.methods.base_recipe import check_resumable

        flags, chosen = self.flags, self.base.flat() | self.changes
        refuse_unknown_parts(chosen)
        goes_on = flags.resume or flags.restart
        if flags.dry_run and goes_on:
            raise UserError("--dry-run is for a new training: leave out --resume and --restart.")
        if goes_on:
            check_resumable(self.base, self._recipe())
        if flags.print_config or goes_on:
            return
        if not flags.dry_run:
            out = _folder(flags.out)
            refuse_existing_run(out)
            refuse_no_folder(out)
        refuse_no_data(self.changes.get("data") if self.picks else chosen["data"])
        refuse_unknown_data(chosen["data_b"])

    def _recipe(self) -> "Recipe":
        return self.base.with_options(**self.changes)

    def _complete_run(self) -> "TrainResult | None":
        """What is said of a run that has nothing left to train; None of others.

        Raises:
            UserError: if a length is asked for that it has behind it.
        """
        from reverie.methods.recipe import LENGTHS
        from reverie.runs.run import Run
        from reverie.training.budget import complete_at
        from reverie.training.result import TrainResult

        run = Run(path_of(self.flags.out))
        header = None if self.changes.keys() - LENGTHS else complete_at(run, self._recipe())
        if header is None:
            return None
        at = header.step
        return TrainResult(run.folder, at, header.seconds, True, run.report, resumed_at=at)

    def _plan(self, out: Path, config: Path | None) -> "Forecast":
        from reverie.training.plan import plan

        place = None if out == Path() else out  # where --out was left out
        preset, changes = self.flags.preset, self.changes
        return plan(self.method, place, preset=preset, config=config, changes=changes)

    def _whole_recipe(self) -> "Recipe":
        """The recipe to print; without images `auto` has nothing to pick by."""
        if self.picks and self.changes.get("data") is not None:
            from reverie.methods.presets import recipe_from_json
            from reverie.training.preset_choice import pick

            base = recipe_from_json(self.base.to_json())  # of the method's own class
            return pick(base, self.changes)[0].recipe.with_options(**self.changes)
        return self.base.with_options(**self.changes)


def _picks(words: Sequence[str]) -> bool:
    """Whether a training picks its preset itself."""
    from reverie.methods.presets import AUTO

    if {"--resume", "--restart"} & set(words) or value_of(words, "--config") is not None:
        return False
    return value_of(words, "--preset") in (None, AUTO)


def _base(method: str | None, words: Sequence[str]) -> "Recipe":
    """What a training starts from; without PyTorch, where it is a preset or the defaults."""
    out, config = value_of(words, "--out"), value_of(words, "--config")
    resume = "--resume" in words or "--restart" in words
    if resume and out is None and not asks_for_help(words):
        raise UserError("say which run goes on by --out.")
    resume = resume and out is not None
    if resume:
        refuse_no_run(out or "")
    if config is not None:
        refuse_no_file(path_of(config))
    file = None if config is None else path_of(config)
    return find_recipe(method, _folder(out or "."), value_of(words, "--preset"), resume, file)


def _folder(out: str | Path) -> Path:
    """The folder of --out, which a message then names."""
    try:
        return path_of(out)
    except UserError as error:
        raise UserError(f"--out {error}") from None


def parse_changes(
    base: "Recipe",
    kind: type[F],
    prog: str,
    argv: Sequence[str],
    usage: str,
    base_is_provisional: bool = False,
) -> tuple[F, dict[str, OptionValue]]:
    """The flags of a command that trains, and the options that differ from those of `base`.

    Args:
        base: the recipe whose options are the defaults.
        kind: the class of the flags.
        prog: the command, for messages.
        argv: its words.
        usage: what its help says that follows `prog`.
        base_is_provisional: whether `--preset auto` is going to pick another one: then an option
            that is given counts also where it is the base's own.

    Raises:
        UserError: if they cannot be understood.
    """
    from reverie.methods.recipe import LENGTHS, Recipe

    if any(value_of(argv, f"--{length}") is not None for length in LENGTHS):
        base = base.with_options(**dict.fromkeys(LENGTHS))  # the given one replaces the base's
    if asks_for_help(argv):
        from reverie.cli.train_help import train_help

        whole = "--help-all" in argv
        entry = method_entry(base.method)
        print_help(train_help(prog, f"{usage} [options]", entry, base, kind, whole=whole))
    parsed = parse(flags_of(base, kind), prog, argv)
    chosen = Recipe(
        method=base.method, options=parsed.method, data=parsed.images, training=parsed.training
    )
    before = base.flat()
    typed: set[str] = set()
    if base_is_provisional:
        typed = {word.split("=")[0].removeprefix("--").replace("-", "_") for word in argv}
        typed |= {name.removeprefix("no_") for name in typed}
    changes = {n: v for n, v in chosen.flat().items() if v != before[n] or n in typed}
    return parsed.run, changes


def flags_of(recipe: "Recipe", run: type = TrainFlags) -> type:
    """A dataclass whose flags are those of `run` and the options of a recipe, as its defaults."""
    parts = {"method": recipe.options, "images": recipe.data, "training": recipe.training}
    fields = [
        (name, type(part), field(default_factory=lambda part=part: part))
        for name, part in parts.items()
    ]
    return make_dataclass("Train", [("run", run), *fields], frozen=True, kw_only=True)
