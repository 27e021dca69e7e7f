"""`reverie data list`, `reverie data get` and `reverie data check`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from reverie.cli.output import Result, lines_of
from reverie.core.errors import UserError


@dataclass(frozen=True, kw_only=True)
class DataListCommand:
    """List the built-in pictures and the kinds of data that can be read."""

    json: bool = False
    """Print the result as one JSON object."""


@dataclass(frozen=True, kw_only=True)
class DataGetCommand:
    """Fetch or draw a set of pictures: emoji, faces or photos."""

    name: Annotated[
        tyro.conf.Positional[Literal["emoji", "faces", "photos"]], tyro.conf.arg(metavar="NAME")
    ]
    """emoji: Windows' (A) and Apple's (B); faces: without (A) and with (B) an attribute; photos:
    free photographs to learn enlarging from."""
    attribute: str | None = None
    """Faces: two sides by Male, Eyeglasses, Smiling, Mustache or Wearing_Hat, as faces-NAME; by
    default by Eyeglasses, and many faces with the list of all their attributes."""
    count: int = 20_000
    """Faces: how many with the list of their attributes."""
    out: Path | None = None
    """A folder; by default the cache, where --data NAME finds it."""
    json: bool = False
    """Print the result as one JSON object."""


@dataclass(frozen=True, kw_only=True)
class DataCheckCommand:
    """Read every picture of a set and say what was found."""

    data: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="PICTURES")]
    """A folder, a table (.csv), an IDX file, or a built-in set."""
    split: str = "train"
    """Which part, of data that comes divided: train, test or all."""
    label_column: str | None = None
    """The column of a table that says the class."""
    json: bool = False
    """Print the result as one JSON object."""


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
    from reverie.data.sets.emoji import get_emoji
    from reverie.data.sets.faces import get_faces, get_labelled_faces
    from reverie.data.sets.photos import get_photos
    from reverie.data.source import set_folder

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
