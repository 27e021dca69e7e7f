"""NumPy's files of images: .npy, and .npz with labels beside the images.

What `reverie sample` writes, and the layouts of published data: `arr_0` and `arr_1`, `x_train`
and `y_train`, `train_images` and `train_labels`, `images` and `labels`.
"""

import os
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reverie.core.errors import UserError
from reverie.core.files import readable_bytes
from reverie.data.arrays import channels_last, of_arrays
from reverie.data.source import Source

SUFFIXES = (".npz", ".npy")

LARGEST = 2**35
"""Bytes that the arrays of a file may have."""

IMAGES = ("images", "image", "x", "samples", "imgs", "data", "pixels", "arr_0")
LABELS = ("labels", "label", "y", "targets", "classes", "arr_1")
"""Names of the arrays of images and of labels."""

OF_SPLIT = (
    ("x_{}", "y_{}"),
    ("{}_images", "{}_labels"),
    ("{}_x", "{}_y"),
    ("images_{}", "labels_{}"),
)
"""Names of images and labels of a split."""

SPLITS = ("train", "val", "valid", "test")


def of_numpy(path: Path, split: str = "all") -> Source:
    """Source of the images in a .npy or .npz file, with their labels where it has them.

    Labels of `x_train.npy` and `images.npy` are in `y_train.npy` and `labels.npy` beside it.

    Raises:
        UserError: if the file cannot be read, or holds no images.
    """
    content = read_numpy(path)
    if isinstance(content, np.ndarray):
        values, labels = content, _labels_beside(path)
        is_split = False
    else:
        values, labels = arrays_of_mapping(str(path), content, split)
        is_split = layout_of_splits(content) is not None
    about = f"{path}: array"
    source = of_arrays(about, [channels_last(about, values)], labels)
    kind = f"NumPy file, {source.kind.removeprefix(f'{path}: ')}"
    return replace(source, kind=kind, split=split if is_split else "all")


def arrays_of_mapping(
    about: str, content: Mapping[str, Any], split: str
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """The array of images among named arrays, and that of their labels.

    Raises:
        UserError: if no array is known to be that of the images, or the split is not there.
    """
    layout = layout_of_splits(content)
    if layout is not None:
        return _of_split(about, content, layout, split)
    names = {str(name).lower(): str(name) for name in content}
    image_name = next((names[name] for name in IMAGES if name in names), None)
    label_name = next((names[name] for name in LABELS if name in names), None)
    if image_name is None and len(names) == 1:
        image_name = next(iter(names.values()))
    if image_name is None:
        raise UserError(
            f"{about}: none of its arrays ({', '.join(names.values()) or 'none'}) is called as "
            f"images are: {', '.join(IMAGES)}, or x_train and x_test."
        )
    images = np.asarray(content[image_name])
    labels = None if label_name is None else np.asarray(content[label_name])
    if label_name == "arr_1" and labels is not None and labels.ndim > 2:
        labels = None  # what was saved after the images is no list of labels
    return images, labels


def layout_of_splits(content: Mapping[str, Any]) -> tuple[str, str] | None:
    """How the arrays of a split are called; None where the images are not split."""
    return next((layout for layout in OF_SPLIT if layout[0].format("train") in content), None)


def _of_split(
    about: str, content: Mapping[str, Any], layout: tuple[str, str], split: str
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Images and labels of a split; of all splits, one after the other."""
    wanted = [one for one in SPLITS if layout[0].format(one) in content]
    parts = wanted if split == "all" else [split]
    if not set(parts) <= set(wanted):
        raise UserError(
            f"{about}: there is no {layout[0].format(split)} in it; its splits are "
            f"{', '.join(wanted)}."
        )
    images = [np.asarray(content[layout[0].format(one)]) for one in parts]
    named = [layout[1].format(one) for one in parts]
    labels = [np.asarray(content[name]) for name in named if name in content]
    try:
        whole = np.concatenate(images), np.concatenate(labels) if labels else None
    except ValueError as error:
        raise UserError(f"{about}: the splits differ in their axes ({error}).") from None
    return whole


def _labels_beside(path: Path) -> NDArray[Any] | None:
    """The labels of the images of a .npy file, from the file beside it."""
    name = path.name
    names = [name.replace("images", "labels")]
    if name[0] in "xX":
        names += ["y" + name[1:], "Y" + name[1:]]
    files = (path.with_name(one) for one in names if one != name)
    found = next((file for file in files if os.path.isfile(file)), None)
    labels = None if found is None else read_numpy(found)
    return labels if isinstance(labels, np.ndarray) else None


def read_numpy(path: Path) -> NDArray[Any] | dict[str, NDArray[Any]]:
    """The array of a .npy file, or the arrays of an .npz file by name; nothing in it is run.

    Raises:
        UserError: if it is damaged, too large, or holds Python objects.
    """
    try:
        if path.suffix.lower() == ".npz":
            with zipfile.ZipFile(path) as members:
                claimed = sum(member.file_size for member in members.infolist())
            if claimed > LARGEST:
                raise UserError(
                    f"{path}: it claims {readable_bytes(claimed)} of arrays; more than "
                    f"{readable_bytes(LARGEST)} are not read."
                )
        content = np.load(path, allow_pickle=False)
        if isinstance(content, np.ndarray):
            return content
        with content:
            return {name: content[name] for name in content.files}
    except ValueError as error:
        if "Object arrays" in str(error):
            raise UserError(
                f"{path}: it holds Python objects, which are not read, since they can run code: "
                "save an array of uint8 or of floats."
            ) from None
        raise UserError(f"{path}: this is no file of NumPy's, or a damaged one.") from None
    except (
        OSError,
        EOFError,
        KeyError,
        MemoryError,
        NotImplementedError,
        RuntimeError,
        SyntaxError,
        TypeError,
        tokenize.TokenError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        reason = str(error) or "there is not enough memory"
        raise UserError(f"{path}: the arrays cannot be read ({reason}).") from None
