"""What a word of the command line may become, for the completion of shells.

`reverie --completion SHELL` prints a script that asks `reverie --complete WORD ...` at each press
of the Tab key, so that it is never out of date and knows the methods and datasets of other
packages. An answer is one candidate a line, with its explanation after a tab; the line `:files`
lets the shell complete paths as well.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_origin

from reverie.cli.completion_scripts import SCRIPTS
from reverie.cli.data import DataGetFlags
from reverie.cli.help_page import SHORT
from reverie.cli.index import about_methods, dataset_entries, dataset_entry
from reverie.cli.index_file import index
from reverie.cli.sweep import SweepFlags
from reverie.cli.train import TrainFlags
from reverie.core.errors import UserError
from reverie.core.option_help import help_of
from reverie.core.option_words import choices_of, is_hidden, is_positional
from reverie.core.options import field_types, flag_of
from reverie.inference.place import BUILT_IN_MODELS
from reverie.methods.index import method_entry

FILES = ":files"
"""The line that lets a shell complete paths."""

TOP = {
    "help": "explain a topic or a command",
    "--help": "list the commands",
    "--version": "print the version",
    "--completion": "print a script for a shell",
}
"""What may stand in place of a command."""

EVERYWHERE = {
    "--json": "print the result as one JSON object",
    "--quiet": "say nothing but errors",
    "--verbose": "say more",
    "--help": "show the help",
}
"""What every command takes."""

PRESETS = {"default": "the method's own defaults", "auto": "what suits device and images"}
"""Presets of every method."""

OF_DATA, OF_MODELS = frozenset(("data", "data_b")), frozenset(("model", "models", "init"))
"""Options that name data and models."""

PATHS = frozenset(("images", "runs", "folder", "place"))
"""Positional words that are paths."""

TRAINING: Mapping[str, type] = {"train": TrainFlags, "sweep": SweepFlags}
"""Commands whose flags depend on the method, with those of their own."""


@dataclass(frozen=True)
class Flag:
    """A flag or a positional word of a command."""

    name: str
    kind: Any
    about: str
    default: object
    is_positional: bool

    @property
    def takes_several(self) -> bool:
        return any(get_origin(kind) is tuple for kind in (self.kind, *get_args(self.kind)))

    @property
    def is_switch(self) -> bool:
        return self.kind in (bool, "bool")


def script_for(words: Sequence[str]) -> str:
    """The script for a shell.

    Raises:
        UserError: if no shell or an unknown one is named.
    """
    if len(words) != 1 or words[0] not in SCRIPTS:
        raise UserError(f"say for which shell: reverie --completion {'|'.join(SCRIPTS)}.")
    return SCRIPTS[words[0]]


def completions(words: Sequence[str], commands: Mapping[str, Any]) -> str:
    """What the last of `words` may become, as lines for the scripts; none after a mistake.

    Args:
        words: those after `reverie`, up to the one that is being typed, which may be empty.
        commands: the commands by name.
    """
    *before, last = words or [""]
    if last == "=":  # bash takes the sign for a word of its own
        last = ""
    elif before[-1:] == ["="]:
        before.pop()
    flag, sign, value = last.partition("=")
    try:
        if sign and flag.startswith("--"):
            found, last = dict(_candidates([*before, flag], value, commands)), value
        else:
            flag, found = "", dict(_candidates(before, last, commands))
    except UserError:
        return ""
    files = found.pop(FILES, None) is not None
    lead = f"{flag}=" if flag and sign else ""
    lines = [f"{lead}{word}\t{about}" for word, about in found.items() if word.startswith(last)]
    return "".join(f"{line}\n" for line in [*lines, *([FILES] * files)])


def _candidates(
    before: Sequence[str], last: str, commands: Mapping[str, Any]
) -> Iterable[tuple[str, str]]:
    """Words with explanations; also such that do not begin with `last`."""
    if not before:
        abouts = {name: one["about"].split(".")[0] for name, one in index()["commands"].items()}
        return [*((name.split()[0], about) for name, about in abouts.items()), *TOP.items()]
    if before[0] == "--completion":
        return [(shell, "") for shell in SCRIPTS]
    if before[0] == "help":
        from reverie.cli.topics import TOPICS

        return [(name, "") for name in (*TOPICS, *commands)] if len(before) == 1 else []
    kinds = [name.split()[1] for name in commands if name.split()[0] == before[0] and " " in name]
    if kinds and len(before) == 1:
        return [(kind, "") for kind in kinds]
    count = 2 if kinds else 1
    name = " ".join(before[:count])
    if name not in commands:
        return []
    return _of_command(name, list(before[count:]), last, commands)


def _of_command(
    name: str, rest: list[str], last: str, commands: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """What may follow a command and further words."""
    if name in TRAINING and not rest and not last.startswith("-"):
        yield from about_methods().items()
        return
    method = rest[0] if name in TRAINING and rest and not rest[0].startswith("-") else None
    flags = {flag_of(flag.name): flag for flag in _flags(name, method, rest, commands)}
    if last.startswith("-"):
        yield from _words_of(flags.values())
        return
    given = next((word for word in reversed(rest) if word.startswith("-") and word != "-"), None)
    given = {short: flag_of(one) for one, short in SHORT.items()}.get(given or "", given)
    flag = flags.get((given or "").replace("_", "-"))
    if flag is not None and not flag.is_switch:
        is_next = rest[-1:] and rest[-1].startswith("-")
        if is_next or flag.takes_several:
            yield from _values(flag, method)
            if is_next:
                return
    for place in _next_places([flag for flag in flags.values() if flag.is_positional], rest):
        yield from _values(place, method)
    if name == "data get" and not rest:
        yield from ((n, e.about) for n, e in dataset_entries().items() if e.options is not None)
    if name == "data check":
        yield from _data()
    if name == "reproduce":
        yield from ((n, one["about"]) for n, one in index()["experiments"].items())
    if name == "sweep":
        yield from ((f"{flag.name}=", flag.about) for flag in flags.values())


def _next_places(places: Sequence[Flag], rest: Sequence[str]) -> Sequence[Flag]:
    """The positional words that may come next."""
    if any(word.startswith("-") for word in rest) or not places:
        return places  # which words are values of flags is not known here
    return places[len(rest) : len(rest) + 1] or [place for place in places if place.takes_several]


def _flags(
    name: str, method: str | None, rest: Sequence[str], commands: Mapping[str, Any]
) -> list[Flag]:
    """The flags of a command, for a method or a dataset its own too."""
    if name in TRAINING:
        parts: list[Any] = [TRAINING[name]]
        if method is not None:
            recipe = method_entry(method).recipe(None)
            parts += [recipe.data, recipe.training, recipe.options]
    elif name == "data get":
        parts = [DataGetFlags]
        if rest and not rest[0].startswith("-"):
            parts.append(dataset_entry(rest[0]).options or DataGetFlags)
    else:
        parts = [commands[name]]
    return [flag for part in parts for flag in _fields(part)]


def _fields(part: Any) -> Iterator[Flag]:
    """The fields of a dataclass, or of an instance with the defaults."""
    kind = part if isinstance(part, type) else type(part)
    types = field_types(kind)
    for field in dataclasses.fields(kind):
        type_ = types[field.name]
        if is_hidden(type_):
            continue
        default = field.default if part is kind else getattr(part, field.name)
        yield Flag(field.name, type_, help_of(kind, field.name), default, is_positional(type_))


def _words_of(flags: Iterable[Flag]) -> Iterator[tuple[str, str]]:
    yield from EVERYWHERE.items()
    for flag in flags:
        if not flag.is_positional:
            word = flag_of(flag.name)
            is_on = flag.is_switch and flag.default is True
            yield (f"--no-{word[2:]}" if is_on else word), flag.about
            if flag.name in SHORT:
                yield SHORT[flag.name], flag.about


def _values(flag: Flag, method: str | None) -> Iterator[tuple[str, str]]:
    """What a flag may hold."""
    if flag.name == "preset" and method is not None:
        yield from method_entry(method).presets.items()
        yield from ((n, a) for n, a in PRESETS.items() if n in ("default", flag.default))
    elif flag.name in OF_DATA:
        yield from _data()
    elif flag.name in OF_MODELS:
        yield from ((model, "comes with reverie") for model in BUILT_IN_MODELS)
        yield FILES, ""
    else:
        choices = choices_of(flag.kind)
        yield from ((choice, "") for choice in choices)
        if not choices and _holds_path(flag):
            yield FILES, ""


def _data() -> Iterator[tuple[str, str]]:
    yield from ((name, entry.about) for name, entry in dataset_entries().items())
    yield FILES, ""


def _holds_path(flag: Flag) -> bool:
    """Whether a flag takes paths; positional text may be one too, such as images."""
    kinds = [flag.kind]
    for kind in kinds:
        kinds += get_args(kind)
    return Path in kinds or (flag.is_positional and flag.name in PATHS)
