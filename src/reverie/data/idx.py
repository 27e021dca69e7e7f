"""IDX files, the format of MNIST: a header with the axes, then bytes; gzipped or not."""

import gzip
import math
import os
import re
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

from reverie.core.errors import UserError
from reverie.core.files import readable_bytes
from reverie.core.result import counted
from reverie.data.source import Source, of_pixels

IDX_IMAGES = re.compile(r"idx3[-.]ubyte(\.gz)?$|^.*-images[-.].*ubyte(\.gz)?$")

LARGEST = 2 * 10**9
"""Bytes of values that a file may hold."""

LONGEST_SIDE = 2**16

MOST_SHRUNK = 1100
"""Deflate makes a file at most 1032 times as small."""


def find_idx(folder: Path, split: str) -> Path | None:
    """The IDX file of images of a split; None if the folder holds no such files at all.

    Raises:
        UserError: if it holds those of other splits only.
    """
    files = sorted(p for p in folder.iterdir() if IDX_IMAGES.search(p.name) and os.path.isfile(p))
    prefix = {"train": "train", "test": "t10k"}.get(split, "")
    for file in files:
        if file.name.startswith(prefix):
            return file
    if not files:
        return None
    raise UserError(
        f"{folder}: no IDX file of images begins with {prefix!r}; "
        f"found {', '.join(f.name for f in files)}."
    )


def of_idx(path: Path, split: str = "all") -> Source:
    """Source of the images of an IDX file, with the labels of the file beside it.

    Raises:
        UserError: if a file cannot be read, or the two do not belong together.
    """
    pixels = read_idx(path)
    if pixels.ndim != 3:
        raise UserError(f"{path}: an IDX file of images has 3 axes, this one {pixels.ndim}.")
    if not 0 < min(pixels.shape) <= max(pixels.shape[1:]) <= LONGEST_SIDE:
        count, height, width = pixels.shape
        raise UserError(f"{path}: {counted(count, 'image')} of {width}×{height} cannot be used.")
    label_name = path.name.replace("images", "labels").replace("idx3", "idx1")
    label_file = path.with_name(label_name)
    labels = None
    if label_name != path.name and os.path.isfile(label_file):
        labels = read_idx(label_file)
        if labels.shape != pixels.shape[:1]:
            raise UserError(
                f"{label_file}: labels of shape {labels.shape} for "
                f"{counted(len(pixels), 'image')}; the two files do not belong together."
            )
    classes = () if labels is None else tuple(str(n) for n in range(int(labels.max()) + 1))
    return of_pixels("IDX file", pixels[..., None], labels, classes, split)


def read_idx(path: Path) -> np.ndarray:
    """Read an IDX file of bytes; at most as many of them as its header says.

    Raises:
        UserError: if the file is truncated, too large, or of another format.
    """
    packed = path.suffix == ".gz"
    try:
        with gzip.open(path) if packed else open(path, "rb") as file:
            shape = _read_shape(path, file)
            size, stored = math.prod(shape), path.stat().st_size
            if size > LARGEST:
                raise UserError(
                    f"{path}: it claims {readable_bytes(size)} of values; more than "
                    f"{readable_bytes(LARGEST)} are not read."
                )
            enough = size <= (MOST_SHRUNK * stored if packed else stored)
            content = file.read(size + 1) if enough else b""
    except (OSError, EOFError, zlib.error, struct.error, MemoryError) as error:
        reason = str(error) or "there is not enough memory"
        raise UserError(f"{path}: the IDX file cannot be read ({reason}).") from None
    if len(content) != size:
        raise UserError(
            f"{path}: its header says {size:,} values and the file has "
            f"{'more' if len(content) > size else 'fewer'}: it is truncated or damaged."
        )
    return np.frombuffer(content, np.uint8).reshape(shape)


def _read_shape(path: Path, file: BinaryIO | gzip.GzipFile) -> tuple[int, ...]:
    zeros, kind, axes = struct.unpack(">HBB", file.read(4))
    if zeros or kind != 8 or axes not in (1, 3):
        raise UserError(f"{path}: this is not an IDX file of images or labels in bytes.")
    return struct.unpack(f">{axes}I", file.read(4 * axes))
