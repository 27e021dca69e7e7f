"""Write `docs/options.md`: every command's flags, with values, defaults and help.

    python scripts/write_options.py [--check]

All of it comes from the dataclasses that the command line is built from, and from the docstrings
of their fields. Methods and datasets of other packages are left out. `--check` exits with 1 if the
page is not what this would write.
"""

import dataclasses
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from reverie.cli.data import DataGetCommand, DataGetFlags
from reverie.cli.help_page import SHORT
from reverie.cli.main import COMMANDS
from reverie.cli.sweep import SweepFlags
from reverie.cli.train import TrainFlags
from reverie.core.option_help import help_of
from reverie.core.option_words import is_positional
from reverie.core.options import Bound, Form, flag_of
from reverie.core.plugins import Registry
from reverie.data import DATASETS, DataOptions
from reverie.methods import METHODS, Method, MethodOptions
from reverie.methods.presets import recipe_for
from reverie.methods.recipe import TrainOptions

PAGE = Path(__file__).parents[1] / "docs" / "options.md"

HEAD = """# Options

*Written by `scripts/write_options.py` from the dataclasses of the options: do not edit.*

A flag is a field of a dataclass: `--image-size 64` is `image_size=64` in Python, and `--flip` and
`--no-flip` are `flip=True` and `flip=False`. Options of a verb are keyword arguments of the
function of the same name: `reverie.upscale("photo.jpg", out="large", scale=2)`. Where several
values are given, they stand one after the other: `--seeds 1 2 3`. Every command also takes `--json`
(print the result as one JSON object), `-q`, `-v` and `--help`: see
[command-line.md](command-line.md).
"""

WORDS = {int: "integer", float: "number", str: "text", Path: "path"}


def values_of(kind: Any) -> str:
    """What a flag takes, in words."""
    if get_origin(kind) is Annotated:
        inner, *marks = get_args(kind)
        if isinstance(marks[0], Form):
            return marks[0].words
        bounds = [f" {mark.sign} {mark.limit:g}" for mark in marks if isinstance(mark, Bound)]
        return values_of(inner) + ",".join(bounds)
    if get_origin(kind) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(kind))
    if get_origin(kind) is tuple:
        inner = [part for part in get_args(kind) if part is not Ellipsis]
        several = " …" if Ellipsis in get_args(kind) else ""
        return " ".join(values_of(part) for part in inner) + several
    if kind in WORDS:
        return WORDS[kind]
    if get_origin(kind) is dict:
        return "names and values"
    parts = [part for part in get_args(kind) if part is not NoneType]
    if len(parts) != 1:
        raise NotImplementedError(f"say here in words what a {kind} is")
    return values_of(parts[0])


def shown(value: object) -> str:
    """A default value as it is typed."""
    match value:
        case dataclasses._MISSING_TYPE():
            return "required"
        case None | ():
            return ""
        case dict():
            return ""
        case bool():
            return "on" if value else "off"
        case tuple():
            return f"`{' '.join(map(str, value))}`"
    return f"`{value}`"


def row(owner: type, field: "dataclasses.Field[Any]", default: object) -> str:
    """A field as a row of a table."""
    names = [flag_of(field.name), *([SHORT[field.name]] if field.name in SHORT else [])]
    if is_positional(field.type):
        name, values = f"`{_marks(field.type, 'metavar') or field.name.upper()}`", ""
    elif field.type in (bool, "bool"):
        name, values = f"`{flag_of(field.name)}`", f"`--no-{flag_of(field.name)[2:]}`"
    else:
        name, values = ", ".join(f"`{one}`" for one in names), values_of(field.type)
    resumable = " †" if "resumable" in field.metadata else ""
    about = help_of(owner, field.name).replace("|", "\\|")
    return f"| {name}{resumable} | {values} | {shown(default)} | {about} |"


def _marks(kind: Any, name: str) -> Any:
    """What tyro is told of a field under `name`, or nothing."""
    marks = get_args(kind)[1:] if get_origin(kind) is Annotated else ()
    return next((found for mark in marks if (found := getattr(mark, name, None))), ())


def table(kind: type, defaults: object = None, without: Iterable[str] = ()) -> str:
    """The fields of a dataclass as a table.

    Args:
        kind: the dataclass.
        defaults: an instance whose values are the defaults; by default the dataclass's own.
        without: fields that are left out.
    """
    fields = [f for f in dataclasses.fields(kind) if f.name not in {*without, "json"}]
    if not fields:
        return "It has no options of its own."
    rows = [
        row(kind, f, f.default if defaults is None else getattr(defaults, f.name))
        for f in sorted(fields, key=lambda f: not is_positional(f.type))
    ]
    return "\n".join(["| option | values | default | meaning |", "|---|---|---|---|", *rows])


def built_in(registry: Registry[Any]) -> list[str]:
    """The names of a registry that come with reverie."""
    return [name for name in registry if registry.package_of(name) is None]


def verb(name: str) -> str:
    """The section of a command."""
    return f"{head(name)}\n\n{table(COMMANDS[name])}"


def head(name: str) -> str:
    """The beginning of the section of a command."""
    kind = COMMANDS[name]
    about, usage = " ".join((kind.__doc__ or "").split()), f"reverie {name} {kind.usage}".strip()
    return f"## reverie {name}\n\n{about}\n\n`{usage}`"


def training() -> str:
    """The section of `train`: what all methods share, then each method."""
    parts = [
        head("train"),
        "† may differ when a run is resumed; all else is taken from the run. Of `--steps`, "
        "`--epochs` and `--minutes` one is given. The defaults of `--data`, length and so on are "
        "those of `--preset default`; `reverie train METHOD --preset NAME --help` shows one's, "
        "and which one is picked is in [runs.md](runs.md#which-preset).",
        f"### Run\n\n{table(TrainFlags)}",
        f"### Dataset and preprocessing\n\n{table(DataOptions)}",
        f"### Training\n\n{table(TrainOptions)}",
        f"### Every method\n\n{table(MethodOptions)}",
        *(method_section(name, METHODS[name]) for name in built_in(METHODS)),
    ]
    return "\n\n".join(parts)


def sweep() -> str:
    """The section of `sweep`: its own flags; the others are those of `train`."""
    parts = [
        head("sweep"),
        "After the method stand the options with several values, such as `latent_size=2,4,8 "
        "seed=0,1`; all other options of the method are flags, as those of `reverie train`. "
        "[sweeps.md](sweeps.md) has an example.",
        table(SweepFlags),
    ]
    return "\n\n".join(parts)


def method_section(name: str, method: type[Method]) -> str:
    """The section of a method: its own options, and its presets."""
    base, recipe = MethodOptions(), recipe_for(name)
    same = {
        f.name
        for f in dataclasses.fields(MethodOptions)
        if getattr(base, f.name) == getattr(recipe.options, f.name)
    }
    about = method.about[0].upper() + method.about[1:]
    rows = [f"| `{preset}` | {one.about} |" for preset, one in method.presets.items()]
    presets = (
        "\n".join(["| preset | meaning |", "|---|---|", *rows]) if rows else "It has no presets."
    )
    options = table(method.Options, recipe.options, without=same)
    return f"### train {name}\n\n{about}.\n\n{presets}\n\n{options}{differing(name)}"


def differing(name: str) -> str:
    """The defaults of a method that are not those of the tables above, as a sentence."""
    recipe = recipe_for(name)
    other = [
        f"`{flag_of(f.name)}`"
        if getattr(part, f.name) is True
        else f"`{flag_of(f.name)} {getattr(part, f.name)}`"
        for part, usual in ((recipe.data, DataOptions()), (recipe.training, TrainOptions()))
        for f in dataclasses.fields(part)
        if getattr(part, f.name) != getattr(usual, f.name)
    ]
    return f"\n\nUnless told otherwise it also takes {', '.join(other)}." if other else ""


def data_get() -> str:
    """The section of `data get`: where a dataset goes, then each dataset."""
    about = " ".join((DataGetCommand.__doc__ or "").split())
    parts = [f"## reverie data get\n\n{about}\n\n`reverie data get NAME`\n\n{table(DataGetFlags)}"]
    for name in built_in(DATASETS):
        dataset = DATASETS[name]
        if dataset.fetch is not None:
            about = dataset.about[0].upper() + dataset.about[1:]
            own = table(type(dataset.options), dataset.options)
            parts.append(f"### data get {name}\n\n{about}.\n\n{own}")
    return "\n\n".join(parts)


def page() -> str:
    """The whole page."""
    special = {"train": training, "sweep": sweep, "data get": data_get}
    sections = [special[name]() if name in special else verb(name) for name in COMMANDS]
    return "\n\n".join([HEAD.rstrip(), *sections]) + "\n"


def main(argv: Sequence[str]) -> int:
    """Write the page, or compare it."""
    text = page()
    if "--check" in argv:
        if PAGE.exists() and PAGE.read_text() == text:
            return 0
        print("docs/options.md is out of date: python scripts/write_options.py", file=sys.stderr)
        return 1
    PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
