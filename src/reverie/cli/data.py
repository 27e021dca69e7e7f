"""`reverie data list`, `reverie data get` and `reverie data check`."""

from collections.abc import Sequence
from dataclasses import dataclass, field, make_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import tyro

from reverie.cli.command import Command
from reverie.cli.help_page import page_of
from reverie.cli.index import dataset_entries, dataset_entry, fetch_options
from reverie.cli.parse import asks_for_help, parse, print_help
from reverie.cli.places import refuse_unknown_data
from reverie.core.errors import UserError
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
        about = {
            name: entry.about + ("" if entry.options is None else "; by `reverie data get`")
            for name, entry in dataset_entries().items()
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
        from reverie.data.sets import DATASETS

        if not argv or argv[0] not in DATASETS:
            if argv and not argv[0].startswith("-"):
                DATASETS.find(argv[0])
            fetched = [n for n, entry in dataset_entries().items() if entry.options is not None]
            if not asks_for_help(argv):
                raise UserError(f"say which dataset: {', '.join(fetched)}.")
            about = f"{' '.join((cls.__doc__ or '').split())} Datasets: {', '.join(fetched)}."
            print_help(page_of(DataGetFlags, prog, cls.usage, about))
        prog, entry = f"{prog} {argv[0]}", dataset_entry(argv[0])
        if entry.options is None:
            raise UserError(
                f"{entry.name} comes with its package: use it with --data {entry.name}."
            )
        parts = [
            ("get", DataGetFlags),
            ("options", type(entry.options), field(default_factory=lambda: entry.options)),
        ]
        flags = make_dataclass("DataGet", parts, frozen=True, kw_only=True)
        parsed = parse(flags, prog, argv[1:], entry.about[0].upper() + entry.about[1:] + ".")
        return cls(name=argv[0], out=parsed.get.out, options=parsed.options, json=parsed.get.json)

    def run(self) -> "FetchResult":
        from reverie.data.fetch import fetch

        return fetch(self.name, fetch_options(self.name, self.options), self.out)


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
        refuse_unknown_data(self.data)
        from reverie.data.check import check_data

        return check_data(self.data, self.split, self.label_column)
