"""Two-domain datasets (A and B) of image-to-image translation, paired or unpaired.

Published layouts: `trainA trainB testA testB`, images with A and B side by side in `train` and
`val` or `test`, folders `A` and `B`; or any two folders.
"""

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from reverie.core import image_io
from reverie.core.errors import UserError
from reverie.core.files import path_of
from reverie.core.result import counted
from reverie.data.memo import content_digest
from reverie.data.sets import fetched_as
from reverie.data.source import MEMORY, Source, of_files, set_folder
from reverie.data.sources import find_source

NAMED = 5


LOOKED_AT = 64


SHAPES_DIFFER = 0.05


def find_paired(
    data: str, data_b: str | None, split: str, *, paired: bool, swapped: bool
) -> tuple[Source, Source]:
    """The images of domain A and of domain B; pairs have equal indices.

    Args:
        data: the folder of both domains, or of A where `data_b` is given.
        data_b: the folder of B.
        split: `train` or `test`, where the dataset is split.
        paired: whether image i of A and image i of B must be a pair.
        swapped: swap A and B.

    Raises:
        UserError: if a domain is missing or empty, or pairs do not match.
    """
    if data_b is None and data.startswith(MEMORY):
        raise UserError(
            "translation needs the images of two domains, data=(a, b), or pair_by= to make the "
            "inputs from the images."
        )
    if data_b is not None:
        sides = find_source(data, split), find_source(data_b, split)
        a, b = _matched(*sides) if paired else sides
    else:
        a, b = _in_one_folder(path_of(data), split, paired)
    return (b, a) if swapped else (a, b)


def _in_one_folder(root: Path, split: str, paired: bool) -> tuple[Source, Source]:
    if not os.path.exists(root) and set_folder(root.name).is_dir():
        root = set_folder(root.name)
    if not root.is_dir():
        kind = fetched_as(root.name)
        if kind is not None:
            options = "" if kind == root.name else " with its options (see --help)"
            raise UserError(
                f"the dataset {root.name} is not here yet: run reverie data get {kind}{options}."
            )
        raise UserError(
            f"{root}: translation needs a folder with trainA and trainB, or with images side by "
            "side; for two folders use --data A --data-b B, and --pair-by to make the inputs from "
            "the images."
        )
    splits = ("test", "val") if split == "test" else ("train",)
    for one in splits:
        for a, b in ((f"{one}A", f"{one}B"), (f"{one}_A", f"{one}_B"), (f"A/{one}", f"B/{one}")):
            found = (root / a).is_dir(), (root / b).is_dir()
            if all(found):
                return _two_folders(root / a, root / b, split, paired)
            if any(found):
                raise UserError(f"{root}: {a if found[0] else b} has no {b if found[0] else a}.")
    if (root / "A").is_dir() and (root / "B").is_dir():
        return _two_folders(root / "A", root / "B", "all", paired)
    for folder in (*(root / one for one in splits), root):
        if folder.is_dir():
            source = find_source(str(folder), split)
            if _is_side_by_side(source):
                chosen = split if folder != root else "all"
                return _half(source, 0, chosen), _half(source, 1, chosen)
    a, b = f"{splits[0]}A", f"{splits[0]}B"
    raise UserError(
        f"{root}: there are no {a} and {b} here, and its images do not show A and B side by "
        "side (twice as wide as tall): for two folders use --data A --data-b B, and --pair-by to "
        "make the inputs from the images."
    )


def _two_folders(a: Path, b: Path, split: str, paired: bool) -> tuple[Source, Source]:
    sides = [replace(find_source(str(folder), split), split=split) for folder in (a, b)]
    return _matched(*sides) if paired else (sides[0], sides[1])


def _matched(a: Source, b: Source) -> tuple[Source, Source]:
    """Both domains, sorted by their common file names without suffix."""
    if not (a.files or b.files):
        return _in_order(a, b)
    if not (a.files and b.files):
        raise UserError(
            "pairs are matched by file name, or by their order in two arrays: one domain has files "
            "and the other has none."
        )
    by_name = [by_stem(side) for side in (a, b)]
    refuse_unpaired(*by_name)
    names = sorted(by_name[0])
    files = [[side[name] for name in names] for side in by_name]
    sides = [
        replace(of_files(s.kind, s.root, chosen), split=s.split)
        for s, chosen in zip((a, b), files, strict=True)
    ]
    _refuse_other_shapes(names, *sides)
    return sides[0], sides[1]


def _in_order(a: Source, b: Source) -> tuple[Source, Source]:
    """Both domains of arrays, where image i of A and image i of B are a pair."""
    if len(a.names) != len(b.names):
        raise UserError(
            f"{len(a.names):,} and {len(b.names):,} images: pairs of arrays are matched by their "
            "order, so there must be as many."
        )
    _refuse_other_shapes(list(a.names), a, b)
    return a, b


def refuse_unpaired(a: Mapping[str, Path], b: Mapping[str, Path]) -> None:
    """Raise a UserError if a name is on one side only; the first ones are listed."""
    alone = sorted(a.keys() ^ b.keys())
    if alone:
        named = ", ".join(alone[:NAMED])
        raise UserError(
            f"{counted(len(alone), 'image')} without a counterpart of the same name: {named}."
        )


def by_stem(source: Source) -> dict[str, Path]:
    """Files by their names without suffix.

    Raises:
        UserError: if two files have the same name but for the suffix.
    """
    files: dict[str, Path] = {}
    for name, file in zip(source.names, source.files, strict=True):
        other = files.setdefault(str(Path(name).with_suffix("")), file)
        if other != file:
            raise UserError(
                f"{other} and {file} have the same name but for the suffix, so it is not clear "
                "which of them is in a pair: rename or remove one."
            )
    return files


def find_low_res_pairs(large: Source, small: Source, scale: int) -> tuple[Source, Source]:
    """High-resolution images and the low-resolution ones of the same names.

    Raises:
        UserError: if an image has no counterpart, or is not exactly `scale` times as large as it.
    """
    large, small = _matched(large, small)
    wrong = []
    for index, name in enumerate(large.names):
        (w1, h1), (w2, h2) = large.size_of(index), small.size_of(index)
        if (w1, h1) != (scale * w2, scale * h2):
            wrong.append(f"{name} ({w1}×{h1} and {w2}×{h2})")
    if wrong:
        raise UserError(
            f"{counted(len(wrong), 'image')} not {scale} times as large as the low-resolution one: "
            f"{', '.join(wrong[:NAMED])}."
        )
    return large, small


def _refuse_other_shapes(names: list[str], a: Source, b: Source) -> None:
    """Reject pairs of different aspect ratio; sizes may differ."""
    wrong = []
    for index, name in enumerate(names):
        (w1, h1), (w2, h2) = a.size_of(index), b.size_of(index)
        if abs(w1 * h2 / (w2 * h1) - 1) > SHAPES_DIFFER:
            wrong.append(f"{name} ({w1}×{h1} and {w2}×{h2})")
    if wrong:
        raise UserError(
            f"{counted(len(wrong), 'pair')} of different aspect ratios: {', '.join(wrong[:NAMED])}."
        )


def _is_side_by_side(source: Source) -> bool:
    """Whether images, looked at here and there, are twice as wide as tall; damaged ones are said
    later, where images are decoded."""
    chosen = np.unique(np.linspace(0, len(source.names) - 1, LOOKED_AT).astype(int))
    if not source.files:
        return False
    sizes = []
    for index in chosen:
        with suppress(UserError):
            sizes.append(image_io.size_of(source.files[index]))
    return bool(sizes) and all(width == 2 * height for width, height in sizes)


def _half(source: Source, which: int, split: str) -> Source:
    read: Callable[[int, image_io.Fit | None], np.ndarray] = source.read

    def half(index: int, fit: image_io.Fit | None) -> np.ndarray:
        pixels = read(index, None)  # fitted to a size, the image could not be divided
        middle = pixels.shape[1] // 2
        return pixels[:, middle:] if which else pixels[:, :middle]

    return Source(
        kind="pairs side by side",
        names=source.names,
        read=half,
        digest=lambda: f"{content_digest(source)}-{which}",
        split=split,
    )
