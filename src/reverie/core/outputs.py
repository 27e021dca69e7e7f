"""Where results are written: planned as a whole, before the first of them is.

No input is ever written and no two results share a name, also where the file system ignores case.
Results inside a folder of images are marked, so that a second call does not take them for images.
"""

import os
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path

from reverie.core import progress
from reverie.core.errors import UserError
from reverie.core.failures import Failures
from reverie.core.files import LONGEST_NAME, refuse_no_folder, write_atomic
from reverie.core.image_file import ImageFile, encode_image_file, holdable_suffix
from reverie.core.image_folder import find_image_files, scan_folder
from reverie.core.image_formats import WRITABLE
from reverie.core.marks import RESULTS, RESULTS_TEXT

NAMED = 5


Identity = tuple[int, int]
"""Device and inode: the same for every name, link and spelling of a file."""


@dataclass(frozen=True)
class Output:
    """An image file and where its result goes."""

    source: Path
    relative: Path
    """The source's path below the place that the user named."""
    target: Path
    as_png: Path
    """The target instead, where the format of `target` cannot hold the result."""


@dataclass(frozen=True)
class OutputPlan:
    """The results of a command, in a folder."""

    folder: Path
    outputs: list[Output]
    marks_folder: bool
    """Whether `folder` lies among the images and gets a mark."""
    failures: Failures = field(default_factory=Failures)

    def write(self, output: Output, image: ImageFile) -> Path:
        """Write a result; returns its path, that of a PNG file where the format cannot hold it.

        Raises:
            UserError: if the image cannot be encoded.
            OSError: if the file cannot be written; what was there is unchanged.
        """
        target = output.target
        if holdable_suffix(target.suffix, image) != target.suffix.lower():
            target = output.as_png
        if target != output.target:
            progress.say(f"{output.target.name} cannot hold the result, which is {target}")
        content = encode_image_file(image, target.suffix)
        if self.marks_folder and not (self.folder / RESULTS).exists():
            write_atomic(self.folder / RESULTS, RESULTS_TEXT)
        write_atomic(target, content)
        return target


def plan_outputs(
    places: Sequence[Path], out: Path, format: str | None = None, *, may_replace: bool = False
) -> OutputPlan:
    """Find the images in files and folders, and plan their results in the folder `out`.

    Args:
        places: files and folders, whose subfolders are mirrored.
        out: the folder of results.
        format: the suffix of all results; by default each file's own, or `.png` where no such
            files are written.
        may_replace: whether a file in `out` that lies beside an input may be replaced.

    Raises:
        UserError: if there are no images, `out` cannot be written to or is among the images, or a
            result would replace an image.
    """
    refuse_no_folder(out)
    found = find_image_files(places)
    marks_folder = _lies_among(out, places)
    outputs = _named_apart(found.files, out, format)
    targets = [target for o in outputs for target in (o.target, o.as_png)]
    refuse_replacing(targets, (file for file, _ in found.files))
    beside = {identity(file.parent) for file, _ in found.files}
    for target in targets:
        if not may_replace and identity(target.parent) in beside and os.path.lexists(target):
            raise UserError(f"{target} exists, beside the images: choose another --out.")
    return OutputPlan(out, outputs, marks_folder, Failures(dict(found.broken)))


def refuse_replacing(targets: Iterable[Path], inputs: Iterable[Path]) -> None:
    """Refuse targets that are inputs, by whatever name or link.

    Raises:
        UserError: if one is.
    """
    read = {identity(file): file for file in inputs}
    for target in targets:
        same = identity(target)
        if same is not None and same in read:
            raise UserError(f"{read[same]} would be replaced by a result: choose another --out.")


def refuse_folder_of(folder: Path, inputs: Iterable[Path]) -> None:
    """Refuse a folder of results that is the folder of an input.

    Raises:
        UserError: if it is.
    """
    same = identity(folder)
    for file in inputs:
        if same is not None and identity(file.parent) == same:
            raise UserError(f"{folder} is the folder of {file.name}: choose another --out.")


def identity(path: Path) -> Identity | None:
    """What a path leads to; None for nothing."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _lies_among(out: Path, places: Sequence[Path]) -> bool:
    """Whether the folder `out` is below an input's folder and is, or will be, one of results.

    Raises:
        UserError: if it is a folder of images itself, or holds images that are no results.
    """
    whole = {identity(place) for place in places if os.path.isdir(place)}
    if identity(out) in whole:
        raise UserError(f"{out} is the folder of the images: choose another --out.")
    above = {identity(parent) for parent in out.resolve().parents}
    of_files = {identity(place.parent) for place in places if not os.path.isdir(place)}
    if not above & (whole | of_files):
        return False
    if (out / RESULTS).exists() or not out.exists():
        return True
    if not above & whole:
        return not any(out.iterdir())
    if scan_folder(out).images:
        raise UserError(
            f"{out} is inside the folder of the images and holds images: choose a new --out."
        )
    return True


def _named_apart(found: Sequence[tuple[Path, Path]], out: Path, format: str | None) -> list[Output]:
    """The outputs, with different names; files that keep their names choose first."""
    names = _Names(relative.parent for _, relative in found)
    plain = [relative.with_suffix(format or _own_suffix(relative)) for _, relative in found]
    order = sorted(range(len(found)), key=lambda i: plain[i] != found[i][1])
    chosen = {i: plain[i] for i in order if names.take(plain[i])}
    moved = [i for i in order if i not in chosen]
    chosen |= {i: names.take_like(found[i][1], plain[i].suffix) for i in moved}
    for i in moved[:NAMED]:
        progress.say(
            f"{found[i][0]} becomes {out / chosen[i]}: {plain[i]} is another image's result"
        )
    if len(moved) > NAMED:
        progress.say(f"and {len(moved) - NAMED} more are named apart in the same way")
    outputs = []
    for i, (file, relative) in enumerate(found):
        needs_none = format is not None or chosen[i].suffix.lower() == ".png"
        png = chosen[i] if needs_none else names.take_like(chosen[i], ".png")
        outputs.append(Output(file, relative, out / chosen[i], out / png))
    return outputs


def _own_suffix(relative: Path) -> str:
    return relative.suffix if relative.suffix.lower() in WRITABLE else ".png"


class _Names:
    """The paths that results take, compared as file systems do that ignore case."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._taken = {_key(path) for folder in folders for path in (folder, *folder.parents)}

    def take(self, path: Path) -> bool:
        """Take a path; False if it is taken."""
        free = _key(path) not in self._taken
        self._taken.add(_key(path))
        return free

    def take_like(self, path: Path, suffix: str) -> Path:
        """Take a free path for a result of `path`: `x.gif.png`, or `x-2.png`, and so on."""
        whole = [path.name] if suffix != path.suffix else []
        stems = chain([path.stem], whole, (f"{path.stem}-{n}" for n in count(2)))
        return next(p for p in (_fitting(path, stem, suffix) for stem in stems) if self.take(p))


def _fitting(path: Path, stem: str, suffix: str) -> Path:
    """`path` with another name, cut to the length that file systems allow."""
    while len(os.fsencode(stem + suffix)) > LONGEST_NAME:
        head, dash, number = stem.rpartition("-")
        stem = head[:-1] + dash + number if head else stem[:-1]
    return path.with_name(stem + suffix)


def _key(path: Path) -> str:
    return unicodedata.normalize("NFC", str(path)).casefold()
