"""Folders of images whose subfolders are splits, as `datasets` lays out an imagefolder."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from reverie.core.image_formats import SUFFIXES
from reverie.data.parquet import SPLIT_WORDS
from reverie.data.source import Source, of_files


def find_split_folders(folder: Path) -> dict[str, Path]:
    """The folders of splits in `folder`, or in the folder `data` in it, by name; empty if its
    subfolders are none of splits.

    They are, if all of them are called so, one of them is that of training, and no image is beside
    them.
    """
    try:
        with os.scandir(folder) as entries:
            found = _subfolders(entries)
    except OSError:  # which is said where its images are looked for
        return {}
    if list(found) == ["data"]:
        return find_split_folders(found["data"])
    known = {word for group in SPLIT_WORDS.values() for word in group}
    return found if set(found) <= known and set(found) & set(SPLIT_WORDS["train"]) else {}


def _subfolders(entries: Iterable[os.DirEntry[str]]) -> dict[str, Path]:
    """The folders among entries, by name in lower case; empty if there are images."""
    found: dict[str, Path] = {}
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            found[entry.name.lower()] = Path(entry.path)
        elif Path(entry.name).suffix.lower() in SUFFIXES:
            return {}
    return found


def of_split(
    root: Path, folders: Mapping[str, Path], split: str, read: Callable[[Path], Source]
) -> Source:
    """The source of a split.

    Args:
        root: what holds the folders.
        folders: the folders of splits by name; of the test split it is the first that there is of
            `test`, `validation` and so on.
        split: `train`, `test` or `all`; a folder alone is taken for any of them.
        read: the source of one of them.
    """
    words = [word for word in SPLIT_WORDS.get(split, ()) if word in folders]
    if words and len(folders) > 1:
        return replace(read(folders[words[0]]), split=split)
    return _joined(root, [read(folders[name]) for name in sorted(folders)])


def _joined(root: Path, sources: Sequence[Source]) -> Source:
    """The images of several folders in `root` as one source; classes are joined by their names."""
    if len(sources) == 1:
        return sources[0]
    classes = tuple(sorted({name for source in sources for name in source.class_names}))
    labels = None
    if all(source.labels is not None for source in sources):
        labels = np.concatenate([_renumbered(source, classes) for source in sources])
    files = [file for source in sources for file in source.files]
    shared = set.intersection(*(set(source.attributes) for source in sources))
    return replace(
        of_files(sources[0].kind, root, files, labels, classes if labels is not None else ()),
        attributes={
            name: np.concatenate([source.attributes[name] for source in sources])
            for name in sorted(shared)
        },
        broken={name: why for source in sources for name, why in source.broken.items()},
    )


def _renumbered(source: Source, classes: Sequence[str]) -> np.ndarray:
    """The labels of a source by the numbers of `classes`."""
    assert source.labels is not None
    numbers = [classes.index(name) for name in source.class_names]
    return np.array(numbers, np.int64)[source.labels]
