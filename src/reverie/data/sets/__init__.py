"""Datasets by name. A new one is one file and one line here, or an entry point elsewhere.

A dataset's module is imported when it is used, so that the names are known without PyTorch.
"""

from typing import TYPE_CHECKING

from reverie.core.plugins import Registry

if TYPE_CHECKING:
    from reverie.data.source import Dataset


def _flaw_of(thing: object) -> str | None:
    from reverie.data.source import Dataset

    return None if isinstance(thing, Dataset) else "it is no Dataset"


DATASETS: "Registry[Dataset]" = Registry(
    "dataset",
    "reverie.datasets",
    {
        "digits": "reverie.data.sets.digits:DIGITS",
        "earth": "reverie.data.sets.earth:EARTH",
        "earth-night": "reverie.data.sets.earth:EARTH_NIGHT",
        "emoji": "reverie.data.sets.emoji:EMOJI",
        "faces": "reverie.data.sets.faces:FACES",
        "photos": "reverie.data.sets.photos:PHOTOS",
    },
    _flaw_of,
)


def fetched_as(folder: str) -> str | None:
    """The dataset that `reverie data get` puts into a folder of this name: NAME or NAME-OPTIONS.

    None where there is no such dataset; of several, the one with the longest name.
    """
    words = folder.split("-")
    names = ("-".join(words[:count]) for count in range(len(words), 0, -1))
    return next((n for n in names if n in DATASETS and DATASETS[n].fetch is not None), None)
