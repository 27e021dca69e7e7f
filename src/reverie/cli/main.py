"""The command line: a thin shell over `api`.

Results go to standard output, all else to standard error. Flags are the fields of the options
dataclasses. A command is imported when it is asked for, and PyTorch by the commands that need it.
"""

import contextlib
import importlib
import json
import sys
from collections import UserDict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from reverie.cli.help import help_text, short_help
from reverie.cli.output import prepare_output, printing
from reverie.cli.verbosity import Verbosity
from reverie.core import progress
from reverie.core.errors import UserError, nearest
from reverie.core.launch import is_started_as_main

if TYPE_CHECKING:
    from reverie.cli.command import Command


class Commands(UserDict[str, "type[Command]"]):
    """Commands by name, given as `module:Class`, each imported when it is used."""

    def __init__(self, places: Mapping[str, str]) -> None:
        super().__init__()
        self.data = dict(places)  # type: ignore[assignment]

    def __getitem__(self, name: str) -> "type[Command]":
        place = self.data[name]
        if isinstance(place, str):
            module, kind = place.split(":")
            place = getattr(importlib.import_module(f"reverie.cli.{module}"), kind)
            self.data[name] = place
        return place


COMMANDS = Commands(
    {
        "train": "train:TrainCommand",
        "sweep": "sweep:SweepCommand",
        "sample": "sample:SampleCommand",
        "translate": "translate:TranslateCommand",
        "upscale": "upscale:UpscaleCommand",
        "dream": "dream:DreamCommand",
        "edit": "latent:EditCommand",
        "interpolate": "latent:InterpolateCommand",
        "reconstruct": "latent:ReconstructCommand",
        "match": "match:MatchCommand",
        "evaluate": "evaluate:EvaluateCommand",
        "export": "export:ExportCommand",
        "pack": "pack:PackCommand",
        "push": "hub:PushCommand",
        "pull": "hub:PullCommand",
        "reproduce": "reproduce:ReproduceCommand",
        "info": "info:InfoCommand",
        "report": "report:ReportCommand",
        "compare": "info:CompareCommand",
        "runs": "runs:RunsCommand",
        "show": "runs:ShowCommand",
        "open": "runs:OpenCommand",
        "rm": "runs:RmCommand",
        "methods": "methods:MethodsCommand",
        "data list": "data:DataListCommand",
        "data get": "data:DataGetCommand",
        "data check": "data:DataCheckCommand",
        "cache": "cache:CacheCommand",
        "studio": "studio:StudioCommand",
        "serve": "serve:ServeCommand",
    }
)


def parse_command(argv: Sequence[str]) -> "Command":
    """The command that `argv` asks for.

    Raises:
        UserError: if there is none, or its flags cannot be understood.
    """
    _, argv = Verbosity.of(argv)
    words = 2 if argv[0] == "data" else 1
    name = " ".join(argv[:words])
    if name == "data" or (words == 2 and name not in COMMANDS and argv[1].startswith("-")):
        kinds = [known for known in COMMANDS if known.startswith("data ")]
        raise UserError(f"say what about data: reverie {', reverie '.join(kinds)}.")
    if name not in COMMANDS:
        raise UserError(f"there is no command {name!r}; {nearest(name, COMMANDS)}")
    return COMMANDS[name].parse(f"reverie {name}", argv[words:])


def main(argv: Sequence[str] | None = None) -> int:
    """The entry point; returns the exit code."""
    argv = sys.argv[1:] if argv is None else list(argv)
    prepare_output()
    verbosity, argv = (Verbosity(), argv) if argv[:1] == ["--complete"] else Verbosity.of(argv)
    progress.set_quiet(verbosity.quiet)
    try:
        return _run(argv, verbosity)
    except UserError as error:
        verbosity.explain(error)
        return _refuse(str(error), argv)
    except KeyboardInterrupt as stop:
        from reverie.core.result import INTERRUPTED

        return _refuse(str(stop) or "stopped.", argv, INTERRUPTED)
    except OSError as error:
        if error.filename is None and error.errno is None:
            raise
        verbosity.explain(error)
        return _refuse(f"{error.filename or 'a file'}: {error.strerror}.", argv)
    finally:
        progress.set_quiet(False)


def _run(argv: Sequence[str], verbosity: Verbosity) -> int:
    text = text_asked_for(argv)
    if text is not None:
        with printing():
            print(text, end="" if text.endswith("\n") else "\n")
        return 0
    from reverie.cli.places import refuse_unfit

    command = parse_command(argv)
    refuse_unfit(command)
    result = command.run()
    if is_started_as_main():
        with printing():
            print(json.dumps(result.to_json()) if command.json else result.summary())
    verbosity.report()
    return result.exit_code


def text_asked_for(argv: Sequence[str]) -> str | None:
    """What is printed for flags that stand in place of a command, and for `help`."""
    match list(argv):
        case []:
            return short_help()
        case ["-h" | "--help", *_]:
            return help_text()
        case ["-V" | "--version", *_]:
            from importlib.metadata import version

            return version("reverie")
        case ["data", "-h" | "--help"]:
            return text_asked_for(["help", argv[0]])
        case ["help", *topic]:
            from reverie.cli.topics import topic_text

            words = [word for word in topic if not word.startswith("-")]
            return topic_text(words, COMMANDS) if words else help_text()
        case ["--completion", *shell]:
            from reverie.cli.completion import script_for

            return script_for(shell)
        case ["--complete", *words]:
            from reverie.cli.completion import completions

            return completions(words, COMMANDS)
    return None


def _refuse(message: str, argv: Sequence[str], code: int = 2) -> int:
    for line in f"reverie: {message}".split("\n"):
        progress.say(line, is_error=True)
    if "--json" in argv:
        with contextlib.suppress(UserError), printing():  # it has been said on standard error
            print(json.dumps({"error": message}))
    return code
