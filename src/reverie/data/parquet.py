"""Parquet files with a column of image files, as the Hugging Face hub and `datasets` write them.

An image is a struct of its file's `bytes` and its `path`, or the bytes alone. Names of the classes
are in the schema's metadata; columns of True and False are attributes. Needs pyarrow.
"""

import hashlib
import importlib
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from reverie.core import image_io
from reverie.core.errors import UserError, nearest
from reverie.core.files import readable_bytes
from reverie.core.image_formats import NamedBytes
from reverie.data.arrays import classes_of
from reverie.data.source import Source

SUFFIX = ".parquet"

LARGEST = 2**36
"""Bytes that the columns of all files may have."""

IMAGES = ("image", "img", "images", "jpg", "png", "webp")
LABELS = ("label", "labels", "fine_label", "class")
"""Names of the columns of images and of classes, where the metadata does not tell them."""

SPLIT_WORDS = {
    "train": ("train", "training"),
    "test": ("test", "validation", "valid", "val", "dev", "eval"),
}
"""Words in the names of the files of a split; of the test split the first of them that occurs."""

NOT_DATA = "metadata.parquet"


def find_shards(folder: Path, split: str) -> list[Path]:
    """The parquet files of a split in a folder and in the folders in it; empty if there are none.

    Raises:
        UserError: if there are only those of other splits.
    """
    every = sorted(
        file
        for pattern in (f"*{SUFFIX}", f"[!.]*/*{SUFFIX}")
        for file in folder.glob(pattern)
        if file.name != NOT_DATA and not file.name.startswith(".") and file.is_file()
    )
    words = [word for group in SPLIT_WORDS.values() for word in group]
    if split == "all" or not any(_has_word(file, folder, word) for file in every for word in words):
        return every
    for word in SPLIT_WORDS[split]:
        chosen = [file for file in every if _has_word(file, folder, word)]
        if chosen:
            return chosen
    raise UserError(
        f"{folder}: none of its parquet files is of the split {split!r}: "
        f"{', '.join(file.name for file in every[:5])}."
    )


def is_split(folder: Path, shards: Sequence[Path]) -> bool:
    """Whether the names of parquet files tell a split."""
    words = [word for group in SPLIT_WORDS.values() for word in group]
    return all(any(_has_word(file, folder, word) for word in words) for file in shards)


def _has_word(file: Path, folder: Path, word: str) -> bool:
    return word in re.split(r"[^a-z]+", str(file.relative_to(folder)).lower())


def of_parquet(place: Path, files: Sequence[Path], label_column: str | None = None) -> Source:
    """Source of the images in parquet files with the same columns.

    Args:
        place: what names them, for messages.
        files: the files, in order.
        label_column: the column of the class; by default the one that the metadata tells.

    Raises:
        UserError: if pyarrow is missing, a file is damaged, or there is no column of images.
    """
    try:
        parquet: Any = importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise UserError(
            f"{place}: parquet files are read where pyarrow is installed: pip install "
            "'reverie[parquet]'."
        ) from None
    shards = [_opened(parquet, file) for file in files]
    schema = shards[0].schema_arrow
    image, label, features = _columns(place, schema, label_column)
    flags = [field.name for field in schema if str(field.type) == "bool"]
    columns = list(dict.fromkeys([image, *([label] if label else []), *flags]))
    _refuse_too_large(place, shards)
    tables = []
    for file, shard in zip(files, shards, strict=True):
        with _readable(file):
            tables.append(shard.read(columns))
    arrow: Any = importlib.import_module("pyarrow")
    try:
        table = arrow.concat_tables(tables)
    except (ValueError, TypeError):
        raise UserError(f"{place}: its parquet files have different columns.") from None
    return _of_table(place, table, image, label, features)


def _opened(parquet: Any, file: Path) -> Any:
    with _readable(file):
        return parquet.ParquetFile(file)


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    """Let whatever pyarrow raises on a damaged file be a `UserError` that names it."""
    try:
        yield
    except (OSError, ValueError, TypeError, KeyError, NotImplementedError, MemoryError) as error:
        reason = (str(error) or "there is not enough memory").splitlines()[0]
        raise UserError(f"{file}: the parquet file cannot be read ({reason}).") from None


def _of_table(
    place: Path, table: Any, image: str, label: str | None, features: dict[str, Any]
) -> Source:
    rows = table.column(image)

    def content(index: int) -> bytes:
        value = rows[index].as_py()
        found = value.get("bytes") if isinstance(value, dict) else value
        if found is None:
            raise UserError(f"{place}: row {index:,} holds no image.")
        return found

    def digest() -> str:
        whole = hashlib.sha256()
        for index in range(len(rows)):
            value = rows[index].as_py()
            found = value.get("bytes") if isinstance(value, dict) else value
            whole.update(hashlib.sha256(found or b"").digest())
        return whole.hexdigest()

    numbers, names = None, ()
    if label is not None:
        values = table.column(label).to_pylist()
        if None in values:
            raise UserError(f"{place}: row {values.index(None):,} has no {label}.")
        numbers, names = classes_of(values, len(rows), features.get(label, {}).get("names") or ())
    flags = [name for name in table.column_names if name not in (image, label)]
    return Source(
        kind="parquet" if label is None else f"parquet, classes by {label}",
        names=[str(index) for index in range(len(rows))],
        read=lambda index, fit: image_io.read(
            NamedBytes(content(index), f"{place}, row {index}"), fit=fit
        ),
        digest=digest,
        labels=numbers,
        class_names=names,
        attributes={name: np.array(table.column(name).to_pylist(), bool) for name in flags},
    )


def _columns(
    place: Path, schema: Any, label_column: str | None
) -> tuple[str, str | None, dict[str, Any]]:
    """The column of images, that of classes, and what the metadata says of all columns."""
    features = _features(schema)
    kinds = {field.name: str(field.type) for field in schema}
    typed = {name: feature.get("_type") for name, feature in features.items()}
    images = [name for name, kind in typed.items() if kind == "Image" and name in kinds]
    images += [name for name, kind in kinds.items() if kind.startswith("struct<bytes: ")]
    images += [name for name in IMAGES if kinds.get(name) in ("binary", "large_binary")]
    if not images:
        raise UserError(
            f"{place}: none of its columns holds image files ({', '.join(kinds)}): they are "
            "structs of bytes and path, or bytes that are called image."
        )
    if label_column is not None and label_column not in kinds:
        raise UserError(
            f"{place}: there is no column {label_column!r}; {nearest(label_column, list(kinds))}"
        )
    labels = [name for name, kind in typed.items() if kind == "ClassLabel" and name in kinds]
    labels += [name for name in LABELS if kinds.get(name, "").startswith(("int", "uint", "string"))]
    return images[0], label_column or next(iter(labels), None), features


def _features(schema: Any) -> dict[str, Any]:
    """What `datasets` says of the columns in the schema's metadata."""
    try:
        content = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        features = content["info"]["features"]
        return {str(k): v for k, v in features.items() if isinstance(v, dict)}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _refuse_too_large(place: Path, shards: Sequence[Any]) -> None:
    every = [shard.metadata for shard in shards]
    claimed = sum(m.row_group(n).total_byte_size for m in every for n in range(m.num_row_groups))
    if claimed > LARGEST:
        raise UserError(
            f"{place}: it claims {readable_bytes(claimed)}; more than "
            f"{readable_bytes(LARGEST)} are not read."
        )
