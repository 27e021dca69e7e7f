"""The commands as data, for programs that fill them in: JSON schemas of their options, and the
words of a command line from options by name.
"""

import dataclasses
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from reverie.cli.data import DataGetFlags
from reverie.cli.main import COMMANDS, parse_command
from reverie.cli.sweep import SweepFlags
from reverie.cli.train import TrainFlags
from reverie.core.errors import UserError, nearest
from reverie.core.option_help import help_of
from reverie.core.option_schema import schema_of
from reverie.core.option_words import is_positional
from reverie.core.options import InvalidValue, coerce, field_types, flag_of
from reverie.core.result import Json, plain

LEFT_OUT = (
    "info", "methods", "runs", "show", "open", "rm", "data list", "cache", "studio", "serve",
)  # fmt: skip
"""Commands that have nothing to wait for."""

COMMON = frozenset([
    "data", "preset", "image_size", "steps", "minutes", "batch_size", "learning_rate", "count",
    "seed", "label", "guidance", "scale", "direction", "images", "image", "out", "model", "name",
    "budget", "expression", "add", "layers", "octaves", "domain_a", "domain_b", "pair_by",
    "sampler", "film", "size",
])  # fmt: skip
"""The options that most people set."""

OF_TRANSLATION = frozenset(("domain_a", "domain_b", "pair_by", "direction"))
"""Of these, those that only translation has a use for."""

WRITTEN = frozenset(("out", "film", "report", "save_stats"))
"""Options that name what is written."""
READ = frozenset(
    (
        "data",
        "data_b",
        "images",
        "image",
        "init",
        "mask",
        "guide",
        "like",
        "weights",
        "against",
        "config",
    )
)
"""Options that name what is read."""


class InvalidOption(UserError):
    """An option that a command does not take, or a value that does not fit it."""

    def __init__(self, message: str, option: str | None) -> None:
        super().__init__(message)
        self.option = option


@dataclass(frozen=True)
class Option:
    """One option of a command: its name, type, default, help and group in a form."""

    name: str
    kind: Any
    default: object
    about: str
    group: str
    positional: bool = False
    common: bool = False

    @property
    def required(self) -> bool:
        return self.default is dataclasses.MISSING

    def to_json(self) -> dict[str, Json]:
        """Its JSON schema."""
        schema = schema_of(self.kind) | {"description": self.about}
        if not self.required:
            schema["default"] = plain(self.default)
        schema["x-group"] = self.group
        marks: dict[str, Json] = {
            "x-positional": self.positional,
            "x-common": self.common,
            "x-path": "out" if self.name in WRITTEN else "in" if self.name in READ else None,
        }
        return schema | {name: value for name, value in marks.items() if value}

    def words(self, value: object) -> list[str]:
        """The words of a command line that give it a value."""
        if self.positional:
            several = value if isinstance(value, tuple) else (value,)
            return [_word(self.name, one) for one in several if one is not None]
        flag = flag_of(self.name)
        if value == self.default:
            return []
        if isinstance(value, bool):
            return [flag if value else f"--no-{flag[2:]}"]
        if isinstance(value, tuple):
            return [flag, *(_word(self.name, one) for one in value)]
        return [f"{flag}={value}"]


def verb_names() -> list[str]:
    """The commands that can be run in the background."""
    return [name for name in COMMANDS if name not in LEFT_OUT]


def describe(verb: str, options: Mapping[str, Json]) -> dict[str, Json]:
    """What a command does, its usage, and the JSON schema of its options.

    Args:
        verb: a command.
        options: those that decide which others there are, such as `method` and `preset`.

    Raises:
        UserError: if there is no such command, method or preset.
    """
    kind = COMMANDS[_known(verb)]
    found = options_of_verb(verb, options)
    return {
        "about": " ".join((kind.__doc__ or "").split()),
        "usage": f"reverie {verb} {kind.usage}".strip(),
        "schema": {
            "type": "object",
            "required": [option.name for option in found if option.required],
            "properties": {option.name: option.to_json() for option in found},
            "additionalProperties": False,
        },
    }


def argv_of(verb: str, options: Mapping[str, Json]) -> list[str]:
    """The words of the command line that runs a command with these options.

    Raises:
        InvalidOption: if an option is unknown, missing, or its value does not fit.
    """
    found = {option.name: option for option in options_of_verb(verb, options)}
    for name in options:
        if name not in found:
            raise InvalidOption(f"{verb} has no option {name!r}; {nearest(name, found)}", name)
    places, flags = [], []
    for name, option in found.items():
        if name not in options or (options[name] is None and option.default is None):
            if option.required:
                raise InvalidOption(f"{name} must be given.", name)
            continue
        words = option.words(_value(option, options[name]))
        (places if option.positional else flags).extend(words)
    if verb == "train" and not any(options.get(name) for name in ("resume", "restart", "config")):
        # A form shows the values that are trained with, so that no preset may be picked instead.
        flags += ["--preset=default"] if options.get("preset") in (None, "default") else []
    argv = [*verb.split(), *places, *flags]
    try:
        parse_command(argv)
    except UserError as error:
        raise InvalidOption(str(error), _option_in(str(error), found)) from None
    return argv


def outputs_of(verb: str, options: Mapping[str, Json]) -> dict[str, Json]:
    """Where a command writes with these options, by the options that say so; None for nowhere."""
    return {
        option.name: options.get(option.name, None if option.required else plain(option.default))
        for option in options_of_verb(verb, options)
        if option.name in WRITTEN
    }


def command_line(argv: Sequence[str]) -> str:
    """What somebody would type in a shell."""
    return shlex.join(["reverie", *argv])


def options_of_verb(verb: str, options: Mapping[str, Json]) -> list[Option]:
    """The options of a command, positional ones first.

    Raises:
        UserError: if there is no such command, method, preset or dataset.
    """
    special = {"train": _of_training, "sweep": _of_sweep, "data get": _of_dataset}
    kind = COMMANDS[_known(verb)]
    found = special[verb](options) if verb in special else _fields(kind, None, "Options")
    return sorted(found, key=lambda option: not option.positional)


def _known(verb: str) -> str:
    if verb not in verb_names():
        raise UserError(f"there is no command {verb!r}; {nearest(verb, verb_names())}")
    return verb


def _fields(kind: type, defaults: object, group: str) -> list[Option]:
    """The fields of a dataclass as options; `defaults` is an instance with other defaults."""
    types = field_types(kind)
    return [
        Option(
            field.name,
            _without_tyro(types[field.name]),
            _default(field) if defaults is None else getattr(defaults, field.name),
            help_of(kind, field.name),
            group,
            is_positional(types[field.name]),
            field.name in COMMON,
        )
        for field in dataclasses.fields(kind)
        if field.name not in ("json", "print_config", "dry_run")
    ]


def _default(field: "dataclasses.Field[Any]") -> object:
    factory = field.default_factory
    return field.default if factory is dataclasses.MISSING else factory()


def _without_tyro(kind: Any) -> Any:
    """A type without the marks of the command line."""
    if get_origin(kind) is not Annotated:
        return kind
    inner, *marks = get_args(kind)
    own = [mark for mark in marks if not type(mark).__module__.startswith("tyro")]
    return Annotated[inner, *own] if own else inner  # type: ignore[valid-type]


def _of_training(options: Mapping[str, Json]) -> list[Option]:
    found = _recipe(options, TrainFlags)
    found = [replace(o, default="default") if o.name == "preset" else o for o in found]
    return [_choice("method", _methods(), "What is trained."), *found]


def _of_sweep(options: Mapping[str, Json]) -> list[Option]:
    about = "Options with several values, as seed=0,1."
    axes = Option("axes", tuple[str, ...], dataclasses.MISSING, about, "Run", positional=True)
    method = _choice("method", _methods(), "What is trained.")
    return [method, axes, *_recipe(options, SweepFlags)]


def _of_dataset(options: Mapping[str, Json]) -> list[Option]:
    from reverie.data import DATASETS

    known = [name for name, one in DATASETS.available().items() if one.fetch is not None]
    name = options.get("name")
    chosen = DATASETS[name] if isinstance(name, str) and name in known else None
    own = [] if chosen is None else _fields(type(chosen.options), chosen.options, "Dataset")
    return [_choice("name", known, "Which dataset."), *_fields(DataGetFlags, None, "Run"), *own]


def _recipe(options: Mapping[str, Json], flags: type) -> list[Option]:
    """The options of a method: its preset's defaults, or those of the run that is resumed."""
    from reverie.methods import METHODS
    from reverie.training.resume import base_recipe

    method = options.get("method")
    if not isinstance(method, str):
        return _fields(flags, None, "Run")
    preset, out, config = (options.get(name) for name in ("preset", "out", "config"))
    resumed = bool(options.get("resume") or options.get("restart")) and isinstance(out, str)
    recipe = base_recipe(
        method,
        Path(out) if isinstance(out, str) else Path(),
        preset if isinstance(preset, str) else None,
        resumed,
        Path(config) if isinstance(config, str) else None,
    )
    parts = {"Dataset": recipe.data, "Training": recipe.training, "Method": recipe.options}
    found = [one for group, part in parts.items() for one in _fields(type(part), part, group)]
    if METHODS.find(method).data_kind not in ("paired", "unpaired"):
        found = [replace(o, common=o.common and o.name not in OF_TRANSLATION) for o in found]
    return [*_fields(flags, None, "Run"), *found]


def _methods() -> list[str]:
    from reverie.methods import METHODS

    return list(METHODS.available())


def _choice(name: str, values: Sequence[str], about: str) -> Option:
    """A positional option that is one of several names."""
    kind = Literal[tuple(values)]  # type: ignore[valid-type]
    return Option(name, kind, dataclasses.MISSING, about, "Run", positional=True)


def _value(option: Option, given: Json) -> object:
    try:
        return coerce(option.kind, given)
    except InvalidValue as invalid:
        raise InvalidOption(f"{flag_of(option.name)} must be {invalid}.", option.name) from None


def _word(name: str, value: object) -> str:
    """A value as a word of its own, which must not be taken for a flag."""
    text = str(value)
    if text.startswith("-") and not text.lstrip("-").replace(".", "", 1).isdigit():
        raise InvalidOption(f"{name}: {text!r} begins with a hyphen; write ./{text}.", name)
    return text


def _option_in(message: str, known: Mapping[str, Option]) -> str | None:
    """The first option that a message names by its flag."""
    named = [(message.find(flag_of(name)), -len(name), name) for name in known]
    places = sorted(one for one in named if one[0] >= 0)
    return places[0][2] if places else None


class CommandVerbs:
    """The commands, as the studio takes them."""

    def names(self) -> list[str]:
        return verb_names()

    def describe(self, verb: str, options: Mapping[str, Json]) -> dict[str, Json]:
        return describe(verb, options)

    def argv(self, verb: str, options: Mapping[str, Json]) -> list[str]:
        return argv_of(verb, options)

    def outputs(self, verb: str, options: Mapping[str, Json]) -> dict[str, Json]:
        return outputs_of(verb, options)
