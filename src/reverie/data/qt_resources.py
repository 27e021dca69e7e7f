"""Files in a Qt resource archive (.rcc), as programs of KDE carry their images.

The format is that of Qt's resource compiler: a tree of nodes, then names in UTF-16, then data with
their lengths, each at the offset that the header gives. Nothing is written to the disk.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from reverie.core.errors import UserError

MAGIC = b"qres"
VERSIONS = range(1, 4)
COMPRESSED, DIRECTORY, ZSTANDARD = 1, 2, 4
MOST_NODES, DEEPEST = 100_000, 32
MOST_BYTES = 10**8
"""Bytes of one file."""


def read_resources(content: bytes, prefix: str, suffix: str) -> Iterator[tuple[str, bytes]]:
    """Name and content of the files whose names have `prefix` and `suffix`.

    Args:
        content: of the .rcc file.
        prefix: of names, without a leading slash: `gcompris/src/activities/`.
        suffix: of names: `.webp`.

    Raises:
        UserError: if it is no such archive or damaged, or a file is compressed by Zstandard.
    """
    try:
        archive = _Archive.of(content)
        for name, offset, flags in archive.files():
            if name.startswith(prefix) and name.endswith(suffix):
                yield name, archive.data(offset, flags)
    except (struct.error, zlib.error, UnicodeDecodeError) as error:
        raise UserError(f"the Qt resource archive is damaged ({error}).") from None


@dataclass(frozen=True)
class _Archive:
    content: bytes
    node_size: int
    tree: int
    values: int
    names: int

    @classmethod
    def of(cls, content: bytes) -> "_Archive":
        magic, version, tree, values, names = struct.unpack_from(">4sIIII", content)
        if magic != MAGIC or version not in VERSIONS:
            raise UserError(f"not a Qt resource archive of version 1 to {VERSIONS[-1]}.")
        # From version 2 on a node ends with the time of the file's last change.
        return cls(content, 14 if version == 1 else 22, tree, values, names)

    def files(self) -> Iterator[tuple[str, int, int]]:
        """Name, offset of the data, and flags of each file, in the archive's order."""
        waiting, seen = [(0, "", 0)], 0
        while waiting:
            number, folder, depth = waiting.pop()
            seen += 1
            if seen > MOST_NODES or depth > DEEPEST:
                raise UserError("the Qt resource archive is damaged (its tree has no end).")
            at = self.tree + number * self.node_size
            name_offset, flags = struct.unpack_from(">IH", self.content, at)
            name = folder + self._name(name_offset) if number else ""
            if flags & DIRECTORY:
                count, first = struct.unpack_from(">II", self.content, at + 6)
                inside = f"{name}/" if name else ""
                if count > MOST_NODES:
                    raise UserError("the Qt resource archive is damaged (its tree has no end).")
                children = range(first, first + count)
                waiting += [(child, inside, depth + 1) for child in reversed(children)]
            else:
                # Country and language stand between the flags and the offset.
                (offset,) = struct.unpack_from(">I", self.content, at + 10)
                yield name, offset, flags

    def data(self, offset: int, flags: int) -> bytes:
        """The content of a file."""
        if flags & ZSTANDARD:
            raise UserError("the Qt resource archive is compressed by Zstandard, not by zlib.")
        at = self.values + offset
        (length,) = struct.unpack_from(">I", self.content, at)
        (raw,) = struct.unpack_from(f">{length}s", self.content, at + 4)
        if not flags & COMPRESSED:
            return raw
        unpacking = zlib.decompressobj()
        found = unpacking.decompress(raw[4:], MOST_BYTES)  # the first 4 bytes are its length
        if unpacking.unconsumed_tail:
            raise UserError(
                f"the Qt resource archive has a file of more than {MOST_BYTES:,} bytes."
            )
        return found

    def _name(self, offset: int) -> str:
        at = self.names + offset
        (length,) = struct.unpack_from(">H", self.content, at)
        (raw,) = struct.unpack_from(f">{2 * length}s", self.content, at + 6)  # after a hash
        return raw.decode("utf-16-be")
