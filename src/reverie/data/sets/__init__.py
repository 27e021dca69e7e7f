"""Datasets by name. A new one is one file and one line here, or an entry point elsewhere.

A dataset's module is imported when it is used, so that the names are known without PyTorch.
"""

from typing import TYPE_CHECKING

from reverie.core.errors import UserError, nearest
from reverie.core.plugins import Registry, not_a

if TYPE_CHECKING:
    from reverie.data.source import Dataset

DATASETS: "Registry[Dataset]" = Registry(
    "dataset",
    "reverie.datasets",
    {
        "digits": "reverie.data.sets.digits:DIGITS",
        "earth": "reverie.data.sets.earth:EARTH",
        "earth-night": "reverie.data.sets.earth:EARTH_NIGHT",
        "emoji": "reverie.data.sets.emoji:EMOJI",
        "emoji-free": "reverie.data.sets.emoji:EMOJI_FREE",
        "faces": "reverie.data.sets.faces:FACES",
        "photos": "reverie.data.sets.photos:PHOTOS",
    },
    not_a("reverie.data.source:Dataset"),
)


def fetched_as(folder: str) -> str | None:
    """The dataset that `reverie data get` puts into a folder of this name: NAME or NAME-OPTIONS.

    None where there is no such dataset; of several, the one with the longest name.
    """
    words = folder.split("-")
    names = ("-".join(words[:count]) for count in range(len(words), 0, -1))
    return next((n for n in names if n in DATASETS and DATASETS[n].fetch is not None), None)


NO_DATA = "no dataset is given: use --data FOLDER, or --data digits for the built-in dataset."
"""What is said where none is named."""


def no_such_data(place: str) -> UserError:
    """The error for a name after `--data` where there is nothing; it names the datasets."""
    if place in DATASETS:
        return UserError(f"the dataset {place} is not here yet: run reverie data get {place}.")
    return UserError(
        f"there is no folder or file {place!r}, and no dataset of that name; "
        f"{nearest(place, DATASETS)}"
    )
