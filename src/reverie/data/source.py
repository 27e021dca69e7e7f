"""Image sources: names, a function that reads image i, and labels where there are any."""

import contextlib
import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from reverie.core import image_io
from reverie.core.errors import UserError
from reverie.core.files import cache_home
from reverie.core.options import Checked
from reverie.core.threads import in_threads

MEMORY = "memory:"
"""Begins the names of images in memory."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Image source; images are read on demand.

    `read(i, fit)` returns uint8 [H, W, C], see `image_io.read`; `digest()` is a hash of the
    content; `labels` is int64 [N]; `native_size` is the size that the images all have, where it is
    their default size; `split` is `all` where the source is not split. `attributes` are masks [N]
    by name. `broken` is what is wrong with files that have no index, since they are links to
    nothing, pipes or in folders that cannot be opened.
    """

    kind: str
    names: Sequence[str]
    read: Callable[[int, image_io.Fit | None], np.ndarray]
    digest: Callable[[], str]
    labels: np.ndarray | None = None
    class_names: tuple[str, ...] = ()
    native_size: int | str | None = None
    pixels: np.ndarray | None = None
    files: tuple[Path, ...] = ()
    split: str = "all"
    broken: dict[str, str] = field(default_factory=dict)
    attributes: Mapping[str, np.ndarray] = field(default_factory=dict)

    def size_of(self, index: int) -> tuple[int, int]:
        """Width and height of an image; of a file they are read from its header."""
        if self.files:
            return image_io.size_of(self.files[index])
        height, width = self.read(index, None).shape[:2]
        return width, height

    @property
    def root(self) -> Path:
        """The folder to which the names of its files are relative."""
        return Path(str(self.files[0]).removesuffix(str(self.names[0])))

    @property
    def place(self) -> str:
        """The folder that holds all its files; its kind where it has none."""
        folders = {os.path.abspath(file.parent) for file in self.files}
        return os.path.commonpath(folders) if folders else self.kind

    @cached_property
    def stat_digest(self) -> str:
        """Hash of names, paths, sizes, inodes and times of the files; computed once.

        Raises:
            UserError: if a file is gone.
        """
        return stat_digest_of(self.names, map(str, self.files))


@dataclass(frozen=True, kw_only=True)
class FetchOptions(Checked):
    """Options of `reverie data get NAME`; a dataset extends it with its own."""

    def folder_name(self, name: str) -> str:
        """What the dataset's folder is called with these options."""
        return name


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A dataset with a name: it comes with a package (`load`) or is fetched or drawn (`fetch`)."""

    about: str
    load: Callable[[str], Source] | None = None
    """The source of a split."""
    fetch: Callable[[Path, Any], dict[str, int]] | None = None
    """Fills a folder, given options; returns what it holds by name."""
    options: FetchOptions = FetchOptions()
    """Default options of `fetch`."""
    features: str = "efficientnet"
    """The feature network whose distances fit its images."""


@contextlib.contextmanager
def readable(path: Path) -> Iterator[None]:
    """Let a file or folder that the system does not let us read be a `UserError` that names it."""
    try:
        yield
    except OSError as error:
        raise cannot_be_read(path, error) from None


def cannot_be_read(path: Path, error: OSError) -> UserError:
    """The `UserError` that names a file or folder that the system does not let us read."""
    return UserError(
        f"{error.filename or path}: it cannot be read ({error.strerror}); allow it to be read, or "
        "move it elsewhere."
    )


def stat_digest_of(names: Sequence[str], files: Iterable[str]) -> str:
    """Hash of what the system knows of files without reading them.

    Raises:
        UserError: if a file is gone.
    """
    whole = hashlib.sha256()
    real: dict[str, str] = {}
    for name, file in zip(names, files, strict=True):
        top, _, last = file.rpartition(os.sep)
        try:
            found = os.lstat(file)
            if stat.S_ISLNK(found.st_mode):
                found, where = os.stat(file), os.path.realpath(file)
            else:
                if top not in real:
                    real[top] = os.path.join(os.path.realpath(top + os.sep if top else ""), "")
                where = real[top] + last
        except OSError as error:
            raise cannot_be_read(Path(file), error) from None
        numbers = f"{found.st_size}, {found.st_mtime_ns}, {found.st_ctime_ns}, {found.st_ino}"
        whole.update(os.fsencode(f"{name}\0{where}\0({numbers})\n"))
    return whole.hexdigest()[:16]


def sets_folder() -> Path:
    """Where `reverie data get` puts datasets."""
    return cache_home() / "sets"


def set_folder(name: str) -> Path:
    """Folder of a dataset downloaded by `reverie data get`."""
    return sets_folder() / name


def of_pixels(
    kind: str,
    pixels: np.ndarray,
    labels: np.ndarray | None,
    class_names: tuple[str, ...],
    split: str = "all",
) -> Source:
    height, width = pixels.shape[1:3]
    return Source(
        kind=kind,
        names=[str(index) for index in range(len(pixels))],
        read=lambda index, fit: pixels[index],
        digest=lambda: hashlib.sha256(pixels.tobytes()).hexdigest(),
        labels=None if labels is None else labels.astype(np.int64),
        class_names=class_names,
        native_size=height if height == width else None,
        pixels=pixels,
        split=split,
    )


def _digest_of_file(file: Path) -> bytes:
    with readable(file), open(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()


def of_files(
    kind: str,
    root: Path,
    files: Sequence[Path],
    labels: np.ndarray | None = None,
    class_names: tuple[str, ...] = (),
    names: Sequence[str] | None = None,
) -> Source:
    """Source of image files below `root`; `names` are their paths from there, if known."""

    names = [str(file.relative_to(root)) for file in files] if names is None else names

    def digest() -> str:
        whole = hashlib.sha256()
        contents = in_threads(_digest_of_file, files)
        for name, content in zip(names, contents, strict=True):
            whole.update(os.fsencode(name) + b"\0" + content)
        return whole.hexdigest()

    return Source(
        kind=kind,
        names=names,
        read=lambda index, fit: image_io.read(files[index], fit=fit),
        digest=digest,
        labels=labels,
        class_names=class_names,
        files=tuple(files),
    )
