"""The command line: a thin shell over `api`.

Results go to standard output, all else to standard error. Flags are the fields of the options
dataclasses. PyTorch is imported by the commands that need it.
"""

import io
import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from reverie import progress
from reverie.commands import (
    CompareCommand,
    DataCheckCommand,
    DataGetCommand,
    DataListCommand,
    DreamCommand,
    EditCommand,
    EvaluateCommand,
    InfoCommand,
    InterpolateCommand,
    ReconstructCommand,
    SampleCommand,
    TranslateCommand,
    UpscaleCommand,
)
from reverie.errors import UserError, nearest
from reverie.flags import parse
from reverie.picture_commands import (
    dream,
    edit,
    interpolate,
    lines_of,
    reconstruct,
    translate,
    upscale,
)
from reverie.train_command import INTERRUPTED, Result, train

MOST_IN_A_FILM = 64

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


def sample(command: SampleCommand) -> Result:
    import numpy as np

    from reverie import api, images
    from reverie.files import write_aside

    model = api.load(command.model)
    label = command.label or None
    asked = _given(command, "guidance", "steps", "sampler", "schedule", "between")
    if command.init or command.mask:
        asked["start"] = api.start_from(model, command.init, command.strength, command.mask)
    frames = []
    if command.film and command.count > MOST_IN_A_FILM:
        raise UserError(f"a film shows {MOST_IN_A_FILM} pictures at most, not {command.count}.")
    if command.film:
        asked["watch"] = lambda step, x_0: frames.append(x_0.float().cpu().clamp(-1, 1))
    pictures = model.sample(command.count, seed=command.seed, label=label, **asked)
    if command.film:
        images.save_film([*frames, pictures], command.film)
    if command.out.suffix == ".npz":
        pixels, labels = images.to_uint8(pictures), model.labels(command.count, label)
        buffer = io.BytesIO()
        if labels is None:
            np.savez(buffer, arr_0=pixels)
        else:
            np.savez(buffer, arr_0=pixels, arr_1=labels.numpy())
        write_aside(command.out, buffer.getvalue())
        written = [command.out]
    elif command.out.suffix:
        images.save_sheet(pictures, command.out)
        written = [command.out]
    else:
        written = [command.out / f"{command.seed + i:06d}.png" for i in range(command.count)]
        for picture, path in zip(pictures, written, strict=True):
            images.save(picture, path)
        written.append(command.out / "grid.png")
        images.save_sheet(pictures, written[-1])
    facts = {"count": command.count, "seed": command.seed, "files": [str(p) for p in written]}
    return facts, f"{command.count} pictures: {written[-1]}"


def evaluate(command: EvaluateCommand) -> Result:
    from accelerate import PartialState

    from reverie import api

    if command.pairs:
        figures = api.compare_pairs(
            command.model,
            command.data,
            features=command.features,
            on_luma=command.luma,
            border=command.border,
            out=command.out,
        )
        return figures, lines_of(figures)
    if command.luma or command.border:
        raise UserError("--luma and --border are for pairs: add --pairs.")
    state = PartialState()  # started in several processes, they share the work
    figures = api.evaluate(
        command.model,
        data=command.data,
        split=command.split,
        count=command.count,
        features=command.features,
        seed=command.seed,
        report=command.report,
        out=command.out if state.is_main_process else None,
        **_given(command, "guidance", "steps", "sampler"),
    )
    api.leave_the_group()
    return figures, lines_of(figures)


def _given(command: Any, *names: str) -> dict[str, Any]:
    """The flags among `names` that were given."""
    return {name: getattr(command, name) for name in names if getattr(command, name) is not None}


def info(command: InfoCommand) -> Result:
    from reverie import api

    facts = api.info(command.model)
    return facts, lines_of(facts)


def compare(command: CompareCommand) -> Result:
    from reverie import api

    differing = api.compare(command.runs, command.out)
    facts = {"page": str(command.out), "differing": differing}
    return facts, f"{lines_of(differing)}\n{command.out}"


def data_list(command: DataListCommand) -> Result:
    facts = {
        "digits": "10,000 handwritten digits (MNIST), 28×28, 8,000 to train and 2,000 to test",
        "a folder": "of pictures, nested as you like; one folder for each class gives labels",
        "a table": ".csv: file names in the first column, --label-column names the class",
        "CelebA": "as published: img_align_celeba/, list_attr_celeba.txt and the partition",
        "trainA trainB": "two looks for translation, or pictures side by side, or two folders",
        "emoji, faces": "two looks that `reverie data get` fetches or draws; faces have attributes",
        "photos": "photographs to learn enlarging from, fetched by `reverie data get`",
        "IDX files": "MNIST, Fashion-MNIST and their kin, gzipped or not, or their folder",
    }
    return facts, lines_of(facts)


def data_get(command: DataGetCommand) -> Result:
    from reverie.data.emoji import get_emoji
    from reverie.data.faces import get_faces, get_labelled_faces
    from reverie.data.photos import get_photos
    from reverie.data.sources import set_folder

    name = command.name
    if name == "faces" and command.attribute is not None:
        name = f"faces-{command.attribute}"
    out = command.out or set_folder(name)
    if out.exists():
        raise UserError(f"{out} is there already: use it with --data, or remove it first.")
    match command.name:
        case "emoji":
            counts = get_emoji(out)
        case "faces":
            counts = get_faces(out, command.attribute or "Eyeglasses")
            if command.attribute is None:
                counts |= get_labelled_faces(out, command.count)
        case "photos":
            counts = get_photos(out)
    facts = {"folder": str(out), **counts}
    used = str(command.out) if command.out else name
    return facts, f"{lines_of(counts)}\nuse them with --data {used}"


def data_check(command: DataCheckCommand) -> Result:
    from reverie.data.check import check_data

    facts = check_data(command.data, command.split, command.label_column)
    return facts, lines_of(facts)


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
