"""`reverie data list`, `reverie data get` and `reverie data check`."""

from collections.abc import Sequence
from dataclasses import dataclass, field, make_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import tyro

from reverie.cli.command import Command
from reverie.cli.parse import parse
from reverie.core.options import Checked
from reverie.core.result import Json, Result, lines_of

if TYPE_CHECKING:
    from reverie.data.check import CheckResult
    from reverie.data.fetch import FetchResult

READABLE = {
    "a folder": "of images, nested as you like; one folder for each class gives labels",
    "a table": ".csv: file names in the first column, --label-column names the class",
    "NumPy arrays": ".npz or .npy: uint8, or floats in [0, 1] or [-1, 1]; labels beside the images",
    "parquet files": "of the Hugging Face hub: .parquet, or a folder of them (reverie[parquet])",
    "CelebA": "as published: img_align_celeba/, list_attr_celeba.txt and the partition",
    "trainA trainB": "two domains for translation, or images side by side, or two folders",
    "IDX files": "MNIST, Fashion-MNIST and their kin, gzipped or not, or their folder",
}
"""Kinds of data that need no name."""


@dataclass(frozen=True)
class DataListResult(Result):
    """Datasets by name, and the kinds of data that can be read."""

    about: dict[str, str]

    def to_json(self) -> dict[str, Json]:
        return dict(self.about)

    def summary(self) -> str:
        return lines_of(self.about)


@dataclass(frozen=True, kw_only=True)
class DataListCommand(Command):
    """List the datasets and the kinds of data that can be read."""

    usage: ClassVar = ""

    def run(self) -> DataListResult:
        from reverie.data import DATASETS

        about = {
            name: dataset.about + ("; by `reverie data get`" if dataset.fetch else "")
            for name, dataset in DATASETS.available().items()
        }
        return DataListResult(about | READABLE)


@dataclass(frozen=True, kw_only=True)
class DataGetFlags(Checked):
    """Where a dataset goes."""

    out: Path | None = None
    """A folder; by default the cache, where --data NAME finds it."""
    json: bool = False
    """Print the result as one JSON object."""


@dataclass(frozen=True, kw_only=True)
class DataGetCommand(Command):
    """Fetch or draw a dataset by name."""

    usage: ClassVar = "NAME"
    name: str
    out: Path | None
    options: object

    @classmethod
    def parse(cls, prog: str, argv: Sequence[str]) -> "DataGetCommand":
        """The flags depend on the dataset, so its name is read before them."""
        from reverie.core.errors import UserError
        from reverie.data import DATASETS

        fetched = [name for name, dataset in DATASETS.available().items() if dataset.fetch]
        if not argv or argv[0] not in DATASETS:
            if argv and not argv[0].startswith("-"):
                DATASETS.find(argv[0])
            if "--help" not in argv and "-h" not in argv:
                raise UserError(f"say which dataset: {', '.join(fetched)}.")
            argv = [fetched[0], *argv]
            prog = f"{prog} {'|'.join(fetched)}"
        else:
            prog = f"{prog} {argv[0]}"
        dataset = DATASETS[argv[0]]
        default = dataset.options
        parts = [
            ("get", DataGetFlags),
            ("options", type(default), field(default_factory=lambda: default)),
        ]
        flags = make_dataclass("DataGet", parts, frozen=True, kw_only=True)
        parsed = parse(flags, prog, argv[1:], dataset.about[0].upper() + dataset.about[1:] + ".")
        return cls(name=argv[0], out=parsed.get.out, options=parsed.options, json=parsed.get.json)

    def run(self) -> "FetchResult":
        from reverie.data.fetch import fetch

        return fetch(self.name, self.options, self.out)  # type: ignore[arg-type]


@dataclass(frozen=True, kw_only=True)
class DataCheckCommand(Command):
    """Read every image of a dataset and report what was found."""

    usage: ClassVar = "IMAGES"
    data: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="IMAGES")]
    """A folder, a table (.csv), a .npz, .npy, .parquet or IDX file, or a dataset by name."""
    split: str = "train"
    """Split, of data that has splits: train, test or all."""
    label_column: str | None = None
    """The column of a table or a .parquet file that holds the class."""

    def run(self) -> "CheckResult":
        from reverie.data.check import check_data

        return check_data(self.data, self.split, self.label_column)
