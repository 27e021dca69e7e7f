"""The images in files and folders that a user names.

Below a folder, every file with the suffix of an image is one, except for the sheets that reverie
made itself. What is left out is kept with the reason, so that it can be said.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reverie.core import progress
from reverie.core.errors import UserError
from reverie.core.image_formats import (
    HEIF_SUFFIXES,
    INSTALL_HEIF,
    SUFFIXES,
    refuse_other_than_a_file,
)
from reverie.core.marks import RESULTS, is_marked

NAMED = 5


SHEET, FOLDER_OF_RESULTS = "sheet made by reverie", "folder of reverie's results"


@dataclass(frozen=True)
class FolderContent:
    """What is below a folder.

    `names` of images are relative to `root` and sorted; `broken` are files with the suffix of an
    image that are none, such as a link to nothing, and folders that cannot be opened; `skipped` is
    everything else, by reason. Hidden files and what is in hidden folders are in none of them.
    """

    root: Path
    names: list[str] = field(default_factory=list)
    broken: dict[Path, str] = field(default_factory=dict)
    skipped: dict[str, list[Path]] = field(default_factory=lambda: defaultdict(list))

    @property
    def images(self) -> list[Path]:
        """The image files, sorted."""
        return [self.root / name for name in self.names]

    def said(self, root: Path) -> dict[str, str]:
        """The files that are left out, by reason, the first ones by name."""
        return {
            reason: _named([str(file.relative_to(root)) for file in sorted(files)])
            for reason, files in sorted(self.skipped.items())
        }


def marked_among(files: Sequence[str]) -> list[str]:
    """Those of the files that are sheets which reverie made."""
    return [file for file in files if is_marked(Path(file))]


def scan_folder(
    folder: Path, find_marked: Callable[[Sequence[str]], Sequence[str]] = marked_among
) -> FolderContent:
    """The images below a folder, and what is left out; folders that are links are not entered.

    A file costs no more than its entry in its folder, unless it is a link or a PNG file, of which
    `find_marked` looks for those that are sheets of reverie.
    """
    content, found, suspects = FolderContent(folder), [], []

    def cannot_open(error: OSError) -> None:
        where = Path(error.filename)
        content.broken[where] = f"{where}: the folder cannot be opened ({error.strerror})."

    waiting = [str(folder)]
    while waiting:
        top = waiting.pop()
        try:
            entries = list(os.scandir(top))
        except OSError as error:
            cannot_open(error)
            continue
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if not _is_folder(entry):
                if _is_image(entry, content):
                    found.append(entry.path)
                    if entry.name[-4:].lower() == ".png":
                        suspects.append(entry.path)
            elif entry.is_symlink():
                content.skipped["link to a folder"].append(Path(entry.path))
            elif os.path.exists(os.path.join(entry.path, RESULTS)):  # False where it may not look
                content.skipped[FOLDER_OF_RESULTS].append(Path(entry.path))
            else:
                waiting.append(entry.path)
    marked = set(find_marked(suspects))
    content.skipped[SHEET].extend(Path(file) for file in sorted(marked))
    if not marked:
        del content.skipped[SHEET]
    start = len(os.path.join(folder, ""))
    content.names.extend(file[start:] for file in found if file not in marked)
    content.names.sort(key=lambda name: name.split(os.sep))
    return content


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link in a circle
        return False


def _is_image(entry: os.DirEntry[str], content: FolderContent) -> bool:
    """Whether a file is an image by its suffix; `content` has the reason where it is none."""
    suffix = os.path.splitext(entry.name)[1].lower()
    if suffix not in SUFFIXES:
        reason = INSTALL_HEIF if suffix in HEIF_SUFFIXES else "no suffix of an image that is read"
        content.skipped[reason].append(Path(entry.path))
        return False
    if not entry.is_file(follow_symlinks=False):
        try:
            refuse_other_than_a_file(Path(entry.path))
        except UserError as error:
            content.broken[Path(entry.path)] = str(error)
            return False
    return True


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


@dataclass(frozen=True)
class FoundImages:
    """Image files, each with its path relative to the output folder, and what is no file."""

    files: list[tuple[Path, Path]]
    broken: Mapping[str, str]

    def __len__(self) -> int:
        return len(self.files) + len(self.broken)


def find_image_files(places: Sequence[Path]) -> FoundImages:
    """Image files in files and folders; subfolders are mirrored.

    A file that is named twice is found once; a sheet that is named itself is an image.

    Raises:
        UserError: if a path does not exist or a folder holds no images.
    """
    found: dict[Path, tuple[Path, Path]] = {}
    broken: dict[str, str] = {}
    folders = sum(os.path.isdir(place) for place in places)
    for place in places:
        if os.path.isdir(place):
            top = Path(place.resolve().name) if folders > 1 else Path()
            content = scan_folder(place)
            if not content.images and not content.broken:
                raise UserError(f"{place}: {no_images(content, place)}")
            say_own(content, place)
            broken |= {str(file): reason for file, reason in content.broken.items()}
            pairs = [(file, top / file.relative_to(place)) for file in content.images]
        elif os.path.lexists(place):
            pairs = [(place, Path(place.name))]
        else:
            raise UserError(f"{place}: there is no such file or folder.")
        for file, relative in pairs:
            found.setdefault(file.parent.resolve() / file.name, (file, relative))
    return FoundImages(list(found.values()), broken)


def say_own(content: FolderContent, root: Path) -> None:
    """Say which sheets and folders of reverie's results are not read."""
    for reason, names in content.said(root).items():
        if reason in (SHEET, FOLDER_OF_RESULTS):
            progress.say(f"{root}: {reason}, not read: {names}")


def no_images(content: FolderContent, root: Path) -> str:
    """Says that a folder has no images, and what it has instead."""
    instead = "; ".join(f"{reason}: {names}" for reason, names in content.said(root).items())
    known = f"their suffixes are {' '.join(sorted(SUFFIXES))}."
    return f"no images in this folder or below it ({instead or 'it is empty'}); {known}"
