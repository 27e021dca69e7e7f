"""Tables of image files: .csv, and CelebA's lists of attributes and of splits.

Every reader checks what it reads and names the line that it cannot use.
"""

import csv
import io
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from reverie.core import progress
from reverie.core.errors import UserError
from reverie.core.files import parse_json, readable_bytes
from reverie.core.result import counted
from reverie.data.source import readable

CELEBA_LIST, CELEBA_SPLITS = "list_attr_celeba.txt", "list_eval_partition.txt"

CELEBA_IMAGES = "img_align_celeba"

METADATA, FILE_NAME = ("metadata.csv", "metadata.jsonl"), "file_name"
"""Tables of a folder of images in the layout of the Hugging Face hub, and their first column."""

LARGEST = 2**29
"""Bytes of a table."""


def read_text(path: Path) -> str:
    """The text of a table.

    Raises:
        UserError: if it is not UTF-8, or too large.
    """
    with readable(path), open(path, "rb") as file:
        content = file.read(LARGEST + 1) if os.path.getsize(path) <= LARGEST else None
    if content is None:
        raise UserError(f"{path}: tables of more than {readable_bytes(LARGEST)} are not read.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{path}: line {line} is not text in UTF-8: save the table as CSV UTF-8, or convert it "
            "with iconv -f latin1 -t utf-8."
        ) from None
    if "\0" in text:
        raise UserError(f"{path}: it has null characters: save the table as CSV UTF-8.")
    return text


def read_table(path: Path) -> tuple[list[str], list[list[str]]]:
    """Header and rows of a .csv; every row has as many columns as the header.

    Raises:
        UserError: if it is no such table.
    """
    reader = csv.reader(io.StringIO(read_text(path), newline=""))
    header: list[str] = []
    rows = []
    try:
        for row in reader:
            if row and header and len(row) != len(header):
                raise UserError(
                    f"{path}: line {reader.line_num} does not have {len(header)} columns as the "
                    "header."
                )
            if row and header:
                rows.append(row)
            elif row:
                header = [name.strip() for name in row]
    except csv.Error as error:
        raise UserError(f"{path}: line {reader.line_num} cannot be read ({error}).") from None
    if not rows:
        raise UserError(f"{path}: a table needs a header line and one line per image.")
    twice = [name for name, count in Counter(header).items() if count > 1 and name]
    if twice:
        raise UserError(f"{path}: two columns are called {twice[0]!r}: rename one of them.")
    return header, rows


def find_metadata(folder: Path) -> Path | None:
    """The table of a folder of images in the layout of the Hugging Face hub; None without one."""
    for name in METADATA:
        path = folder / name
        if os.path.isfile(path) and FILE_NAME in read_text(path).split("\n", 1)[0]:
            return path
    return None


def read_metadata(path: Path) -> tuple[list[str], list[list[str]]]:
    """Column names and rows of `metadata.csv` or `metadata.jsonl`, the file names first.

    Of the JSON lines the values that are text, numbers or booleans are kept.

    Raises:
        UserError: if it is damaged, or a row has no file name.
    """
    if path.suffix == ".csv":
        header, rows = read_table(path)
        first = header.index(FILE_NAME) if FILE_NAME in header else 0
        rows = [[row[first], *row[:first], *row[first + 1 :]] for row in rows]
        return [header[first], *header[:first], *header[first + 1 :]], rows
    records = []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if not line.strip():
            continue
        try:
            record = parse_json(line)
        except ValueError:
            record = None
        if not (isinstance(record, dict) and isinstance(record.get(FILE_NAME), str)):
            raise UserError(f"{path}: line {number} is no JSON object with a {FILE_NAME}.")
        records.append(record)
    columns = [FILE_NAME, *(k for k in records[0] if k != FILE_NAME)]
    simple = [c for c in columns if all(isinstance(r.get(c), str | int | float) for r in records)]
    return simple, [[str(record[column]) for column in simple] for record in records]


def find_files(path: Path, root: Path, names: Sequence[str]) -> list[Path]:
    """The image files that a table names, relative to `root` or absolute; `\\` may divide folders.

    Raises:
        UserError: if some are missing.
    """
    files = [_locate(root, name) for name in names]
    missing = [file for file in files if not os.path.isfile(file)]
    if missing:
        raise UserError(
            f"{path}: {len(missing)} of {counted(len(files), 'image')} missing, first {missing[0]}"
        )
    return files


def _locate(root: Path, name: str) -> Path:
    if "\\" in name and not os.path.isfile(root / name):
        return root / name.replace("\\", "/")
    return root / name


def root_of(root: Path, files: Sequence[Path]) -> tuple[Path, list[Path]]:
    """A folder that all `files` are below, and the files as paths below it.

    It is `root` where that is possible. The names of files relative to it are in the dataset's
    fingerprint, so it does not depend on how `root` was reached.
    """
    if all(file.is_relative_to(root) for file in files):
        return root, list(files)
    whole = [Path(os.path.realpath(file.parent), file.name) for file in files]
    real = Path(os.path.realpath(root))
    if all(file.is_relative_to(real) for file in whole):
        return real, whole
    return Path(os.path.commonpath({file.parent for file in whole})), whole


def read_celeba(root: Path, split: str) -> tuple[list[str], list[list[str]]]:
    """Attribute names, and one row for each image of a split: its file name and ±1 for each.

    Args:
        root: the folder of CelebA's lists.
        split: `train`, `test` (CelebA's validation and test images) or `all`; where there is no
            list of splits, all images are in each.

    Raises:
        UserError: if a list is damaged or missing.
    """
    names, rows = _read_attributes(root / CELEBA_LIST)
    splits = None if split == "all" else _read_splits(root / CELEBA_SPLITS)
    if splits is None:
        return names, rows
    without = [row[0] for row in rows if row[0] not in splits]
    if without:
        progress.warn(
            f"{root / CELEBA_SPLITS}: {len(without)} of {counted(len(rows), 'image')} in no split "
            f"and left out, first {without[0]}."
        )
    wanted = ("0",) if split == "train" else ("1", "2")
    return names, [row for row in rows if splits.get(row[0]) in wanted]


def _read_attributes(path: Path) -> tuple[list[str], list[list[str]]]:
    lines = read_text(path).splitlines()
    names = lines[1].split() if len(lines) > 2 else []
    if not names or len(set(names)) < len(names) or not lines[0].strip().isdecimal():
        raise UserError(
            f"{path}: this is not CelebA's list of attributes: the number of images, a line of "
            "attribute names, and one line per image."
        )
    rows = []
    for number, line in enumerate(lines[2:], 3):
        row = line.split()
        if not row:
            continue
        if len(row) != len(names) + 1 or not set(row[1:]) <= {"1", "-1", "0"}:
            raise UserError(
                f"{path}: line {number} is not that of CelebA's list of attributes: a file name "
                f"and 1 or -1 for each of the {len(names)} names."
            )
        rows.append(row)
    if lines[0].strip() != str(len(rows)):
        progress.warn(f"{path}: it says {lines[0].strip()[:20]} images and has {len(rows):,}.")
    return names, rows


def _read_splits(path: Path) -> dict[str, str] | None:
    """CelebA's splits by file name: 0 training, 1 validation, 2 test; None without the file."""
    if not os.path.isfile(path):
        return None
    splits: dict[str, str] = {}
    for number, line in enumerate(read_text(path).splitlines(), 1):
        parts = line.split()
        if parts and (len(parts) != 2 or parts[1] not in ("0", "1", "2")):
            raise UserError(
                f"{path}: line {number} is not a file name and 0, 1 or 2, as in CelebA's list of "
                "splits."
            )
        if parts:
            splits[parts[0]] = parts[1]
    return splits
