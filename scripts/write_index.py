"""Write what is known without importing PyTorch: `methods/index.json` and `cli/index.json`.

    python scripts/write_index.py [--check]

Methods with their options and presets, commands, datasets and experiments, as their own files
declare them; those of other packages are left out. `--check` exits with 1 if a file is not what
this would write.
"""

import dataclasses
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from reverie.cli import index_file
from reverie.cli.main import COMMANDS
from reverie.core.option_help import help_of
from reverie.core.option_kinds import kind_to_json
from reverie.core.options import field_types
from reverie.core.plugins import Registry
from reverie.core.result import Json, plain
from reverie.data import DATASETS
from reverie.experiments import EXPERIMENTS
from reverie.methods import METHODS, Method
from reverie.methods import index_file as method_file
from reverie.methods.capabilities import verbs_of
from reverie.methods.recipe import Preset
from reverie.nn.adversarial import ADVERSARIAL
from reverie.testing.subject import subject_of
from reverie.training.optimizers import OPTIMIZERS
from reverie.training.schedules import SCHEDULES
from reverie.training.setup import known_trackers


def built_in(registry: Registry[Any]) -> dict[str, Any]:
    """What comes with reverie."""
    return {name: registry[name] for name in registry if registry.package_of(name) is None}


def options_of(kind: type, defaults: object) -> dict[str, Json]:
    """The fields of a dataclass of options."""
    types = field_types(kind)
    return {
        f.name: {
            "kind": kind_to_json(types[f.name]),
            "default": plain(getattr(defaults, f.name)),
            "help": help_of(kind, f.name),
        }
        for f in dataclasses.fields(kind)  # type: ignore[arg-type]
    }


def differing(part: object) -> dict[str, Json]:
    """The options of a preset that are not the defaults of their class."""
    usual = type(part)()
    return {
        f.name: plain(getattr(part, f.name))
        for f in dataclasses.fields(part)  # type: ignore[arg-type]
        if getattr(part, f.name) != getattr(usual, f.name)
    }


def values_of(preset: Preset) -> dict[str, Json]:
    """A preset's options by part."""
    parts = {"options": preset.options, "data": preset.data, "training": preset.training}
    return {name: given for name, part in parts.items() if (given := differing(part))}


def method_content(method: type[Method]) -> Mapping[str, Json]:
    """A method's options and presets."""
    presets = {n: {"about": one.about} | values_of(one) for n, one in method.presets.items()}
    built = subject_of(method).build()
    return {
        "about": method.about,
        "data_kind": method.data_kind,
        "main_options": list(method.main_options),
        "unused_options": list(method.unused_options),
        "about_losses": dict(method.about_losses),
        "verbs": verbs_of(built),
        "is_inverted_by": method.inversion_method,
        "conditional": built.conditional,
        "class": method.Options.__name__,
        "options": options_of(method.Options, method.Options()),
        "defaults": values_of(method.default_preset()),
        "presets": presets,
    }


def parts_by_name() -> dict[str, Json]:
    """The registries of parts that an option names, by that option."""
    registries = {
        "optimizer": ("reverie.training.optimizers:OPTIMIZERS", OPTIMIZERS),
        "schedule": ("reverie.training.schedules:SCHEDULES", SCHEDULES),
        "loss": ("reverie.nn.adversarial:ADVERSARIAL", ADVERSARIAL),
    }
    return {
        option: {
            "registry": place,
            "kind": one.kind,
            "group": one.group,
            "names": sorted(built_in(one)),
        }
        for option, (place, one) in registries.items()
    }


def content() -> dict[str, Json]:
    """The file of the command line."""
    commands = {
        name: {"usage": kind.usage, "about": " ".join((kind.__doc__ or "").split())}
        for name, kind in COMMANDS.items()
    }
    datasets = {
        name: {
            "about": one.about,
            "fetched": one.fetch is not None,
            "class": type(one.options).__name__,
            "options": options_of(type(one.options), one.options),
        }
        for name, one in built_in(DATASETS).items()
    }
    experiments = {
        name: {"minutes": one.all_minutes, "about": one.about}
        for name, one in built_in(EXPERIMENTS).items()
    }
    return {
        "commands": commands,
        "datasets": datasets,
        "experiments": experiments,
        "parts": parts_by_name(),
        "trackers": known_trackers(),
    }


def main(argv: Sequence[str]) -> int:
    """Write the files, or compare them."""
    code = 0
    methods = {name: method_content(one) for name, one in built_in(METHODS).items()}
    for file, found in ((method_file.FILE, methods), (index_file.FILE, content())):
        text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
        if "--check" not in argv:
            file.write_text(text, encoding="utf-8")
        elif not file.exists() or file.read_text(encoding="utf-8") != text:
            where = f"{file.parent.name}/{file.name}"
            print(f"{where} is out of date: python scripts/write_index.py", file=sys.stderr)
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
