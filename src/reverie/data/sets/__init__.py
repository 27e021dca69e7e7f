"""Datasets by name. A new one is one file and one line here, or an entry point elsewhere."""

from reverie.core.plugins import Registry, not_a
from reverie.data.sets.digits import DIGITS
from reverie.data.sets.emoji import EMOJI
from reverie.data.sets.faces import FACES
from reverie.data.sets.photos import PHOTOS
from reverie.data.source import Dataset

DATASETS: Registry[Dataset] = Registry(
    "dataset",
    "reverie.datasets",
    {"digits": DIGITS, "emoji": EMOJI, "faces": FACES, "photos": PHOTOS},
    not_a(Dataset),
)


def is_fetched(name: str) -> bool:
    """Whether `reverie data get` makes the dataset."""
    return name in DATASETS and DATASETS[name].fetch is not None
