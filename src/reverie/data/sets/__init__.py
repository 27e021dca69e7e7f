"""Datasets by name. A new one is one file and one line here, or an entry point elsewhere."""

from reverie.core.plugins import Registry, not_a
from reverie.data.sets.digits import DIGITS
from reverie.data.sets.earth import EARTH, EARTH_NIGHT
from reverie.data.sets.emoji import EMOJI
from reverie.data.sets.faces import FACES
from reverie.data.sets.photos import PHOTOS
from reverie.data.source import Dataset

DATASETS: Registry[Dataset] = Registry(
    "dataset",
    "reverie.datasets",
    {
        "digits": DIGITS,
        "earth": EARTH,
        "earth-night": EARTH_NIGHT,
        "emoji": EMOJI,
        "faces": FACES,
        "photos": PHOTOS,
    },
    not_a(Dataset),
)


def fetched_as(folder: str) -> str | None:
    """The dataset that `reverie data get` puts into a folder of this name: NAME or NAME-OPTIONS.

    None where there is no such dataset; of several, the one with the longest name.
    """
    words = folder.split("-")
    names = ("-".join(words[:count]) for count in range(len(words), 0, -1))
    return next((n for n in names if n in DATASETS and DATASETS[n].fetch is not None), None)
