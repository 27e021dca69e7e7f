"""The command line: a thin shell over `api`.

Results go to standard output, all else to standard error. Flags are the fields of the options
dataclasses. PyTorch is imported by the commands that need it.
"""

import contextlib
import json
import sys
from collections.abc import Sequence

from reverie.cli.cache import CacheCommand
from reverie.cli.command import Command
from reverie.cli.data import DataCheckCommand, DataGetCommand, DataListCommand
from reverie.cli.dream import DreamCommand
from reverie.cli.evaluate import EvaluateCommand
from reverie.cli.export import ExportCommand
from reverie.cli.help import help_text
from reverie.cli.hub import PullCommand, PushCommand
from reverie.cli.info import CompareCommand, InfoCommand
from reverie.cli.latent import EditCommand, InterpolateCommand, ReconstructCommand
from reverie.cli.output import prepare_output, printing
from reverie.cli.pack import PackCommand
from reverie.cli.report import ReportCommand
from reverie.cli.reproduce import ReproduceCommand
from reverie.cli.runs import OpenCommand, RmCommand, RunsCommand, ShowCommand
from reverie.cli.sample import SampleCommand
from reverie.cli.serve import ServeCommand
from reverie.cli.studio import StudioCommand
from reverie.cli.sweep import SweepCommand
from reverie.cli.train import TrainCommand
from reverie.cli.translate import TranslateCommand
from reverie.cli.upscale import UpscaleCommand
from reverie.core import progress
from reverie.core.errors import UserError, nearest
from reverie.core.launch import is_started_as_main
from reverie.core.result import INTERRUPTED

COMMANDS: dict[str, type[Command]] = {
    "train": TrainCommand,
    "sweep": SweepCommand,
    "sample": SampleCommand,
    "translate": TranslateCommand,
    "upscale": UpscaleCommand,
    "dream": DreamCommand,
    "edit": EditCommand,
    "interpolate": InterpolateCommand,
    "reconstruct": ReconstructCommand,
    "evaluate": EvaluateCommand,
    "export": ExportCommand,
    "pack": PackCommand,
    "push": PushCommand,
    "pull": PullCommand,
    "reproduce": ReproduceCommand,
    "info": InfoCommand,
    "report": ReportCommand,
    "compare": CompareCommand,
    "runs": RunsCommand,
    "show": ShowCommand,
    "open": OpenCommand,
    "rm": RmCommand,
    "data list": DataListCommand,
    "data get": DataGetCommand,
    "data check": DataCheckCommand,
    "cache": CacheCommand,
    "studio": StudioCommand,
    "serve": ServeCommand,
}


def parse_command(argv: Sequence[str]) -> Command:
    """The command that `argv` asks for.

    Raises:
        UserError: if there is none, or its flags cannot be understood.
    """
    words = 2 if argv[0] == "data" else 1
    name = " ".join(argv[:words])
    if name not in COMMANDS:
        raise UserError(f"there is no command {name!r}; {nearest(name, COMMANDS)}")
    return COMMANDS[name].parse(f"reverie {name}", argv[words:])


def main(argv: Sequence[str] | None = None) -> int:
    """The entry point; returns the exit code."""
    argv = sys.argv[1:] if argv is None else list(argv)
    prepare_output()
    try:
        return _run(argv)
    except UserError as error:
        return _refuse(str(error), argv)
    except KeyboardInterrupt as stop:
        return _refuse(str(stop) or "stopped.", argv, INTERRUPTED)
    except OSError as error:
        if error.filename is None and error.errno is None:
            raise
        return _refuse(f"{error.filename or 'a file'}: {error.strerror}.", argv)


def _run(argv: Sequence[str]) -> int:
    if not argv or argv[0] in ("-h", "--help", "help"):
        with printing():
            print(help_text(COMMANDS), end="")
        return 0
    if argv[0] in ("-V", "--version"):
        from importlib.metadata import version

        with printing():
            print(version("reverie"))
        return 0
    command = parse_command(argv)
    result = command.run()
    if is_started_as_main():
        with printing():
            print(json.dumps(result.to_json()) if command.json else result.summary())
    return result.exit_code


def _refuse(message: str, argv: Sequence[str], code: int = 2) -> int:
    for line in f"reverie: {message}".split("\n"):
        progress.say(line)
    if "--json" in argv:
        with contextlib.suppress(UserError), printing():  # it has been said on standard error
            print(json.dumps({"error": message}))
    return code
