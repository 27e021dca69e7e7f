"""A writer of Qt resource archives, by the format that Qt's resource compiler writes."""

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Union

HEADER_BYTES = 24
Tree = dict[str, Union["Tree", bytes]]


@dataclass
class _Writer:
    version: int
    compressed: bool
    nodes: list[bytes] = field(default_factory=list)
    names: bytes = b""
    values: bytes = b""

    def name(self, text: str) -> int:
        at, encoded = len(self.names), text.encode("utf-16-be")
        self.names += struct.pack(">HI", len(encoded) // 2, 0) + encoded
        return at

    def value(self, content: bytes) -> int:
        if self.compressed:
            content = struct.pack(">I", len(content)) + zlib.compress(content)
        at = len(self.values)
        self.values += struct.pack(">I", len(content)) + content
        return at

    def write(self, root: Tree) -> None:
        """Nodes breadth first, so that the children of a folder stand side by side."""
        waiting: list[tuple[str, Tree | bytes]] = [("", root)]
        placed, end = 0, 1
        while placed < len(waiting):
            name, what = waiting[placed]
            at = self.name(name) if name else 0
            if isinstance(what, dict):
                node = struct.pack(">IHII", at, 2, len(what), end)
                waiting += sorted(what.items())
                end += len(what)
            else:
                offset = self.value(what)
                node = struct.pack(">IHHHI", at, int(self.compressed), 0, 0, offset)
            self.nodes.append(node + (bytes(8) if self.version > 1 else b""))
            placed += 1


def qt_archive(files: Mapping[str, bytes], version: int = 3, compressed: bool = False) -> bytes:
    """An archive of files by their paths."""
    root: Tree = {}
    for path, content in files.items():
        *folders, last = path.split("/")
        inside = root
        for folder in folders:
            below = inside.setdefault(folder, {})
            assert isinstance(below, dict)
            inside = below
        inside[last] = content
    writer = _Writer(version, compressed)
    writer.write(root)
    tree = b"".join(writer.nodes)
    values_at = HEADER_BYTES + len(tree)
    names_at = values_at + len(writer.values)
    header = struct.pack(">4sIIII", b"qres", version, HEADER_BYTES, values_at, names_at)
    return header.ljust(HEADER_BYTES, b"\0") + tree + writer.values + writer.names
