"""Finds image sources: built-in datasets, folders, tables of labels, CelebA, IDX and NumPy files.

Each becomes a `Source`: names, a function that reads image i, and labels where there are any. The
format is detected from the files, not from the folder's name.
"""

import math
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from reverie.core import progress
from reverie.core.errors import UserError, nearest
from reverie.core.files import path_of
from reverie.core.image_folder import marked_among, no_images, say_own, scan_folder
from reverie.core.image_formats import SUFFIXES
from reverie.core.memory import collection_paused
from reverie.core.result import counted
from reverie.data.idx import IDX_IMAGES, find_idx, of_idx
from reverie.data.memo import remember
from reverie.data.numpy_file import SUFFIXES as NUMPY_SUFFIXES
from reverie.data.numpy_file import of_numpy
from reverie.data.parquet import SUFFIX as PARQUET
from reverie.data.parquet import find_shards, is_split, of_parquet
from reverie.data.sets import DATASETS, no_such_data
from reverie.data.source import MEMORY, Source, of_files, readable, set_folder, stat_digest_of
from reverie.data.split_folders import find_split_folders, of_split
from reverie.data.tables import (
    CELEBA_IMAGES,
    CELEBA_LIST,
    CELEBA_SPLITS,
    find_files,
    find_metadata,
    read_celeba,
    read_metadata,
    read_table,
    root_of,
)

SPLITS = ("train", "test", "all")

LABEL = "label"
"""The column of a folder's metadata that holds the class, where no other is named."""

YES, NO = ("1", "true", "yes"), ("-1", "0", "false", "no")


def find_source(place: str, split: str = "train", label_column: str | None = None) -> Source:
    """The image source that `place` names.

    Args:
        place: a built-in dataset (`digits`), a folder, a CSV file, CelebA's list of attributes or
            its folder, an IDX file or the folder of an IDX dataset, a .npz or .npy file, a parquet
            file or a folder of them, or the name of images in memory.
        split: `train`, `test` or `all`, for sources with predefined splits.
        label_column: the column of a table that holds the class.

    Raises:
        UserError: if there is no usable source.
    """
    if place.startswith(MEMORY):
        from reverie.data.memory import find_held  # tensors, among others

        return find_held(place)
    known = DATASETS.get(place)
    if known is not None and known.load is not None:
        return known.load(split)
    path = path_of(place)
    if split not in SPLITS:
        raise UserError(f"there is no split {split!r}; {nearest(split, SPLITS)}")
    if not os.path.exists(path) and known is not None and set_folder(place).is_dir():
        path = set_folder(place)
        path = path / split if (path / split).is_dir() else path
    if not os.path.exists(path):
        raise no_such_data(place)
    with readable(path), collection_paused():
        source = _of_folder(path, split, label_column)
    if not source.names:
        raise UserError(f"{place}: there are no images of the split {split!r}.")
    return source


def _of_folder(path: Path, split: str, label_column: str | None) -> Source:
    """The source of a folder or of a file."""
    if not path.is_dir():
        return _of_file(path, split, label_column)
    if os.path.isfile(path / CELEBA_LIST):
        return _celeba(path, label_column, split)
    idx_file = find_idx(path, split)
    if idx_file is not None:
        return of_idx(idx_file, split)
    shards = find_shards(path, split)
    if shards:
        source = of_parquet(path, shards, label_column)
        return replace(source, split=split if is_split(path, shards) else "all")
    metadata = find_metadata(path)
    if metadata is not None:
        return _of_metadata(path, metadata, label_column)
    splits = find_split_folders(path)
    if splits:
        return of_split(path, splits, split, lambda one: _of_folder(one, "all", label_column))
    return _folder(path)


def is_data_file(path: Path) -> bool:
    """Whether a file is one of those that hold a dataset, by its name."""
    known = path.suffix.lower() in (*NUMPY_SUFFIXES, PARQUET, ".csv") or path.name == CELEBA_LIST
    return (known or bool(IDX_IMAGES.search(path.name))) and os.path.isfile(path)


def _of_file(path: Path, split: str, label_column: str | None) -> Source:
    if not os.path.isfile(path):
        raise UserError(f"{path}: this is neither a file nor a folder.")
    if path.name == CELEBA_LIST:
        return _celeba(path.parent, label_column, split)
    if path.suffix == ".csv":
        return _table(path, label_column)
    if IDX_IMAGES.search(path.name):
        return of_idx(path)
    if path.suffix.lower() in NUMPY_SUFFIXES:
        return of_numpy(path, split)
    if path.suffix.lower() == PARQUET:
        return of_parquet(path, [path], label_column)
    raise UserError(
        f"{path}: a dataset file is a .csv table, {CELEBA_LIST}, an IDX file, a .npz, .npy or "
        ".parquet file; for single images give the folder that holds them."
    )


def _folder(root: Path) -> Source:
    content = scan_folder(root, _marked_before)
    files = content.images
    if root in content.broken:
        raise UserError(content.broken[root])
    if not files:
        raise UserError(f"{root}: {no_images(content, root)}")
    say_own(content, root)
    broken = {str(file.relative_to(root)): why for file, why in content.broken.items()}
    tops = [name.partition(os.sep) for name in content.names]
    classes = tuple(sorted({top for top, _, _ in tops}))
    if len(classes) > 1 and all(inner for _, _, inner in tops):
        number = {name: index for index, name in enumerate(classes)}
        labels = np.array([number[top] for top, _, _ in tops], np.int64)
        source = of_files("class folders", root, files, labels, classes, content.names)
    else:
        source = of_files("folder", root, files, names=content.names)
    return replace(source, broken=broken)


def _marked_before(files: Sequence[str]) -> list[str]:
    """Those of PNG files that are sheets of reverie; files that are unchanged are not opened."""
    if not files:
        return []
    try:
        key = stat_digest_of(files, files)
    except UserError:  # a link to nothing, which is reported elsewhere
        return marked_among(files)
    return remember("sheets", key, lambda: marked_among(files))


def _of_metadata(root: Path, path: Path, label_column: str | None) -> Source:
    """Source of the images of a folder that have a row in its metadata."""
    header, rows = read_metadata(path)
    by_name = {os.path.normpath(row[0].replace("\\", "/")): row for row in rows}
    if label_column is None and LABEL in header:
        label_column = LABEL
    found = scan_folder(root).names
    listed = [name for name in found if name in by_name]
    if not listed:
        raise UserError(
            f"{path}: none of {counted(len(found), 'image')} beside it has a row in it."
        )
    for count, what, why in (
        (len(found) - len(listed), "image", f"without a row in {path}"),
        (len(by_name) - len(listed), "row", f"of {path} without an image"),
    ):
        if count:
            progress.warn(f"left out: {counted(count, what)} {why}.")
    chosen = [[name, *by_name[name][1:]] for name in listed]
    files = [root / name for name in listed]
    source = _with_labels(path, root, files, header, chosen, label_column)
    return replace(source, attributes=_attributes(header, chosen))


def _table(path: Path, label_column: str | None) -> Source:
    header, rows = read_table(path)
    if Path(header[0]).suffix.lower() in SUFFIXES and (path.parent / header[0]).is_file():
        raise UserError(
            f"{path}: the first line names an image, {header[0]}, and not the columns: put a line "
            "such as file,label before it."
        )
    return _labelled_table(path, path.parent, header, rows, label_column)


def _labelled_table(
    path: Path, root: Path, header: list[str], rows: list[list[str]], label_column: str | None
) -> Source:
    source = _with_classes(path, root, header, rows, label_column)
    return replace(source, attributes=_attributes(header, rows))


def _attributes(header: list[str], rows: list[list[str]]) -> dict[str, np.ndarray]:
    """The columns that hold yes or no for every image, by name."""
    found = {}
    for column, name in enumerate(header[1:], 1):
        values = [row[column].strip().lower() for row in rows]
        if all(value in YES or value in NO for value in values):
            found[name] = np.array([value in YES for value in values])
    return found


def _with_classes(
    path: Path, root: Path, header: list[str], rows: list[list[str]], label_column: str | None
) -> Source:
    root, files = root_of(root, find_files(path, root, [row[0] for row in rows]))
    if label_column is None and len(header) == 2:
        label_column = header[1]
    return _with_labels(path, root, files, header, rows, label_column)


def _with_labels(
    path: Path,
    root: Path,
    files: Sequence[Path],
    header: list[str],
    rows: list[list[str]],
    label_column: str | None,
) -> Source:
    """Source of the files of a table's rows, with the classes of a column."""
    if label_column is None:
        return of_files("table", root, files)
    if label_column not in header[1:]:
        raise UserError(
            f"{path}: there is no column {label_column!r}; {nearest(label_column, header[1:])}"
        )
    values = [row[header.index(label_column)].strip() for row in rows]
    classes = tuple(sorted(set(values), key=_natural))
    number = {name: index for index, name in enumerate(classes)}
    labels = np.array([number[value] for value in values], np.int64)
    return of_files(f"table, classes by {label_column}", root, files, labels, classes)


def _natural(text: str) -> tuple:
    """Sort key that orders numbers by value: 2 before 10, -1 before 1."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    return (0, value, text) if math.isfinite(value) else (1, 0.0, text)


def _celeba(root: Path, label_column: str | None, split: str = "all") -> Source:
    """CelebA in its published layout; the partition file defines the splits."""
    header, rows = read_celeba(root, split)
    folder = root / CELEBA_IMAGES
    if not folder.is_dir():
        raise UserError(f"{root}: the folder {CELEBA_IMAGES} is missing beside {CELEBA_LIST}.")
    source = _labelled_table(root / CELEBA_LIST, folder, ["file", *header], rows, label_column)
    return replace(source, split=split if os.path.isfile(root / CELEBA_SPLITS) else "all")
