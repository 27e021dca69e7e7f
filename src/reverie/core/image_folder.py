"""The images in files and folders that a user names.

Below a folder, every file with the suffix of an image is one, except for the sheets that reverie
made itself. What is left out is kept with the reason, so that it can be said.
"""

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
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

    `images` are sorted; `broken` are files with the suffix of an image that are none, such as a
    link to nothing, and folders that cannot be opened; `skipped` is everything else, by reason.
    Hidden files and what is in hidden folders are in none of them.
    """

    images: list[Path] = field(default_factory=list)
    broken: dict[Path, str] = field(default_factory=dict)
    skipped: dict[str, list[Path]] = field(default_factory=lambda: defaultdict(list))

    def said(self, root: Path) -> dict[str, str]:
        """The files that are left out, by reason, the first ones by name."""
        return {
            reason: _named([str(file.relative_to(root)) for file in sorted(files)])
            for reason, files in sorted(self.skipped.items())
        }


def scan_folder(folder: Path) -> FolderContent:
    """The images below a folder, and what is left out; folders that are links are not entered."""
    content = FolderContent()

    def cannot_open(error: OSError) -> None:
        where = Path(error.filename)
        content.broken[where] = f"{where}: the folder cannot be opened ({error.strerror})."

    for top, folders, files in os.walk(folder, onerror=cannot_open):
        for name in list(folders):
            inner = Path(top, name)
            if name.startswith("."):
                folders.remove(name)
            elif inner.is_symlink():
                content.skipped["link to a folder"].append(inner)
            elif os.path.exists(inner / RESULTS):  # False where it may not be looked into
                content.skipped[FOLDER_OF_RESULTS].append(inner)
                folders.remove(name)
        for name in files:
            if not name.startswith("."):
                _sort_in(Path(top, name), content)
    content.images.sort()
    return content


def _sort_in(file: Path, content: FolderContent) -> None:
    suffix = file.suffix.lower()
    if suffix not in SUFFIXES:
        reason = INSTALL_HEIF if suffix in HEIF_SUFFIXES else "no suffix of an image that is read"
        content.skipped[reason].append(file)
    elif suffix == ".png" and is_marked(file):
        content.skipped[SHEET].append(file)
    else:
        try:
            refuse_other_than_a_file(file)
        except UserError as error:
            content.broken[file] = str(error)
        else:
            content.images.append(file)


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
