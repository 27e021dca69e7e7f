"""Finds image sources: built-in datasets, folders, tables of labels, CelebA, IDX files.

Each becomes a `Source`: names, a function that reads image i, and labels where there are any. The
format is detected from the files, not from the folder's name.
"""

import csv
import gzip
import re
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np

from reverie.core.errors import UserError, nearest
from reverie.core.image_folder import no_images, say_own, scan_folder
from reverie.data.sets import DATASETS
from reverie.data.source import Source, of_files, of_pixels, set_folder


def find_source(place: str, split: str = "train", label_column: str | None = None) -> Source:
    """The image source that `place` names.

    Args:
        place: a built-in dataset (`digits`), a folder, a CSV file, CelebA's list of attributes or
            its folder, an IDX file or the folder of an IDX dataset.
        split: `train`, `test` or `all`, for sources with predefined splits.
        label_column: the column of a table that holds the class.

    Raises:
        UserError: if there is no usable source.
    """
    known = DATASETS.get(place)
    if known is not None and known.load is not None:
        return known.load(split)
    path = Path(place).expanduser()
    if not path.exists() and known is not None and set_folder(place).is_dir():
        path = set_folder(place)
        path = path / split if (path / split).is_dir() else path
    if not path.exists():
        if known is not None:
            raise UserError(f"the dataset {place} is not here yet: run reverie data get {place}")
        raise UserError(
            f"there is no folder or file {place!r}, and no built-in set of that name: "
            f"{nearest(place, DATASETS)}"
        )
    if path.is_file():
        if path.name == CELEBA_LIST:
            return _celeba(path.parent, label_column, split)
        if path.suffix == ".csv":
            return _table(path, label_column)
        if IDX_IMAGES.search(path.name):
            return _idx(path)
        raise UserError(
            f"{place}: a dataset file is a .csv table, {CELEBA_LIST} or an IDX file; "
            "for single images give the folder that holds them."
        )
    if (path / CELEBA_LIST).exists():
        return _celeba(path, label_column, split)
    idx_files = sorted(p for p in path.iterdir() if IDX_IMAGES.search(p.name))
    if idx_files:
        return _idx(_choose_idx(idx_files, split), split)
    return _folder(path)


def _folder(root: Path) -> Source:
    content = scan_folder(root)
    files = content.images
    if not files:
        raise UserError(f"{root}: {no_images(content, root)}")
    say_own(content, root)
    broken = {str(file.relative_to(root)): why for file, why in content.broken.items()}
    tops = [file.relative_to(root).parts for file in files]
    classes = tuple(sorted({parts[0] for parts in tops}))
    if len(classes) > 1 and all(len(parts) > 1 for parts in tops):
        number = {name: index for index, name in enumerate(classes)}
        labels = np.array([number[parts[0]] for parts in tops], np.int64)
        source = of_files("class folders", root, files, labels, classes)
    else:
        source = of_files("folder", root, files)
    return replace(source, broken=broken)


def _table(path: Path, label_column: str | None) -> Source:
    with open(path, newline="", encoding="utf-8-sig") as file:
        rows = [row for row in csv.reader(file) if row]
    if len(rows) < 2:
        raise UserError(f"{path}: a table needs a header line and one line per image.")
    header, *rows = rows
    if any(len(row) != len(header) for row in rows):
        line = next(n for n, row in enumerate(rows, 2) if len(row) != len(header))
        raise UserError(f"{path}: line {line} does not have {len(header)} columns as the header.")
    return _labelled_table(path, path.parent, header, rows, label_column)


def _labelled_table(
    path: Path, root: Path, header: list[str], rows: list[list[str]], label_column: str | None
) -> Source:
    files = [root / row[0] for row in rows]
    missing = [file for file in files if not file.exists()]
    if missing:
        raise UserError(
            f"{path}: {len(missing)} of its {len(files)} images are missing, first {missing[0]}"
        )
    if label_column is None and len(header) == 2:
        label_column = header[1]
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
        return (0, float(text), text)
    except ValueError:
        return (1, 0.0, text)


CELEBA_LIST = "list_attr_celeba.txt"


def _celeba(root: Path, label_column: str | None, split: str = "all") -> Source:
    """CelebA in its published layout; the partition file defines the splits."""
    header, rows = read_celeba_attributes(root)
    chosen = read_celeba_partition(root, split)
    if chosen is not None:
        rows = [row for row in rows if row[0] in chosen]
    folder = root / "img_align_celeba"
    if not folder.is_dir():
        raise UserError(f"{root}: the folder img_align_celeba is missing beside {CELEBA_LIST}.")
    source = _labelled_table(root / CELEBA_LIST, folder, ["file", *header], rows, label_column)
    return replace(source, split="all" if chosen is None else split)


def read_celeba_partition(root: Path, split: str) -> set[str] | None:
    """File names of a split (0 training, 1 and 2 test); None for `all` or without a partition."""
    file = root / "list_eval_partition.txt"
    if split == "all" or not file.exists():
        return None
    wanted = ("0",) if split == "train" else ("1", "2")
    parts = [line.split() for line in file.read_text().splitlines() if line.strip()]
    return {part[0] for part in parts if part[1] in wanted}


def read_celeba_attributes(root: Path) -> tuple[list[str], list[list[str]]]:
    """Attribute names, and one row per image: its file name and ±1 for each attribute.

    Raises:
        UserError: if the file is not CelebA's list.
    """
    lines = (root / CELEBA_LIST).read_text().splitlines()
    names = lines[1].split() if len(lines) > 2 else []
    rows = [line.split() for line in lines[2:] if line.strip()]
    if not names or any(len(row) != len(names) + 1 for row in rows):
        raise UserError(f"{root / CELEBA_LIST}: this is not CelebA's list of attributes.")
    return names, rows


IDX_IMAGES = re.compile(r"idx3[-.]ubyte(\.gz)?$|^.*-images[-.].*ubyte(\.gz)?$")


def _choose_idx(files: list[Path], split: str) -> Path:
    prefix = {"train": "train", "test": "t10k"}.get(split, "")
    for file in files:
        if file.name.startswith(prefix):
            return file
    raise UserError(
        f"{files[0].parent}: no IDX file of images begins with {prefix!r}; "
        f"found {', '.join(f.name for f in files)}."
    )


def _idx(path: Path, split: str = "all") -> Source:
    pixels = read_idx(path)
    if pixels.ndim != 3:
        raise UserError(f"{path}: an IDX file of images has 3 axes, this one {pixels.ndim}.")
    label_name = path.name.replace("images", "labels").replace("idx3", "idx1")
    label_file = path.with_name(label_name)
    labels = None
    if label_name != path.name and label_file.exists():
        labels = read_idx(label_file)
        if labels.shape != pixels.shape[:1]:
            raise UserError(
                f"{label_file}: {len(labels)} labels for {len(pixels)} images; "
                "the two files do not belong together."
            )
    classes = () if labels is None else tuple(str(n) for n in range(int(labels.max()) + 1))
    return of_pixels("IDX file", pixels[..., None], labels, classes, split)


def read_idx(path: Path) -> np.ndarray:
    """Read an IDX file of bytes (the format of MNIST), gzipped or not.

    Raises:
        UserError: if the file is truncated or of another format.
    """
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        zeros, kind, axes = struct.unpack_from(">HBB", content)
        shape = struct.unpack_from(f">{axes}I", content, 4)
        start = 4 + 4 * axes
        if zeros or kind != 8 or len(content) - start != int(np.prod(shape)):
            raise UserError(f"{path}: this is not an IDX file of bytes, or it is truncated.")
        return np.frombuffer(content, np.uint8, offset=start).reshape(shape)
    except (OSError, EOFError, struct.error) as error:
        raise UserError(f"{path}: the IDX file cannot be read ({error}).") from None
