"""The command line: a thin shell over `api`.

Results go to standard output, all else to standard error. Flags are the fields of the options
dataclasses. PyTorch is imported by the commands that need it.
"""

import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from reverie.cli.data import (
    DataCheckCommand,
    DataGetCommand,
    DataListCommand,
    data_check,
    data_get,
    data_list,
)
from reverie.cli.dream import DreamCommand, dream
from reverie.cli.evaluate import EvaluateCommand, evaluate
from reverie.cli.info import CompareCommand, InfoCommand, compare, info
from reverie.cli.latent import (
    EditCommand,
    InterpolateCommand,
    ReconstructCommand,
    edit,
    interpolate,
    reconstruct,
)
from reverie.cli.output import INTERRUPTED, Result
from reverie.cli.parse import parse
from reverie.cli.sample import SampleCommand, sample
from reverie.cli.train import train
from reverie.cli.translate import TranslateCommand, translate
from reverie.cli.upscale import UpscaleCommand, upscale
from reverie.core import progress
from reverie.core.errors import UserError, nearest

HELP = """reverie: train image generators and translators on your own pictures, and use them.

  reverie train METHOD --data PICTURES --out RUN   train; see train --help
  reverie train METHOD --out RUN --resume          go on after any interruption
  reverie sample MODEL -n 16 --out PICTURES        make pictures: a folder, one .png sheet or .npz
  reverie translate MODEL PICTURES --out FOLDER    give pictures the other look
  reverie upscale [MODEL] PICTURES --out FOLDER    make pictures larger
  reverie dream PICTURE --out dream.png            bring out what a network notices
  reverie edit MODEL "SUM" --out sum.png           men with glasses - men + women
  reverie interpolate MODEL --seeds 1 2 3          walk through latent space
  reverie reconstruct MODEL PICTURES               what comes of pictures' latents
  reverie evaluate MODEL --data PICTURES           how good its samples are, in numbers
  reverie info MODEL                               what is known of a run or a model
  reverie compare RUN RUN --out PAGE.html          runs side by side
  reverie data list                                the built-in pictures and what can be read
  reverie data check PICTURES                      read every picture and say what is wrong
  reverie data get emoji|faces|photos              sets to learn from

PICTURES is a folder, a table, an IDX file or `digits`. Each command explains itself with --help,
and prints one JSON object with --json. Try: reverie train cgan --preset digits --out runs/digits
"""


COMMANDS: dict[str, tuple[type, Callable[[Any], Result]]] = {
    "sample": (SampleCommand, sample),
    "translate": (TranslateCommand, translate),
    "upscale": (UpscaleCommand, upscale),
    "dream": (DreamCommand, dream),
    "edit": (EditCommand, edit),
    "interpolate": (InterpolateCommand, interpolate),
    "reconstruct": (ReconstructCommand, reconstruct),
    "evaluate": (EvaluateCommand, evaluate),
    "info": (InfoCommand, info),
    "compare": (CompareCommand, compare),
    "data list": (DataListCommand, data_list),
    "data get": (DataGetCommand, data_get),
    "data check": (DataCheckCommand, data_check),
}


def run(argv: Sequence[str]) -> tuple[Result, bool, int]:
    """Do what `argv` asks for."""
    if argv[0] == "train":
        return train(argv[1:])
    words = 2 if argv[0] == "data" else 1
    name = " ".join(argv[:words])
    if name not in COMMANDS:
        known = [*COMMANDS, "train"]
        raise UserError(f"there is no command {name!r}; {nearest(name, known)}")
    kind, function = COMMANDS[name]
    command = parse(kind, f"reverie {name}", argv[words:])
    return function(command), command.json, 0


def main(argv: Sequence[str] | None = None) -> int:
    """The entry point; returns the exit code."""
    argv = sys.argv[1:] if argv is None else list(argv)
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(HELP, end="")
        return 0
    if argv[0] in ("-V", "--version"):
        from importlib.metadata import version

        print(version("reverie"))
        return 0
    try:
        (facts, text), as_json, code = run(argv)
    except UserError as error:
        return _refuse(str(error), argv)
    except KeyboardInterrupt as stop:
        return _refuse(str(stop) or "stopped.", argv, INTERRUPTED)
    except OSError as error:
        if error.filename is None and error.errno is None:
            raise
        return _refuse(f"{error.filename or 'a file'}: {error.strerror}.", argv)
    if os.environ.get("RANK", "0") != "0":
        return code  # of several processes that share the work, the first one says the result
    try:
        print(json.dumps(facts) if as_json else text, flush=True)
    except BrokenPipeError:  # whoever read has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


def _refuse(message: str, argv: Sequence[str], code: int = 2) -> int:
    progress.console().print(f"reverie: {message}", markup=False)
    if "--json" in argv:
        print(json.dumps({"error": message}))
    return code
