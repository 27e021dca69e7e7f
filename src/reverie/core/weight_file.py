"""What a file of PyTorch's looks like from outside, known without PyTorch."""

import zipfile
from pathlib import Path

from reverie.core.errors import UserError

MAGIC = (b"PK\x03\x04", b"\x80")
"""How files of `torch.save` begin: an archive, or a pickle in older versions."""


def refuse_no_weights(path: Path) -> None:
    """Raise a UserError if a file was not written by `torch.save`, by its first bytes, or is
    compressed: PyTorch stores its archives as they are, and others might unpack to any size."""
    with open(path, "rb") as file:
        begins = file.read(4)
    if not begins.startswith(MAGIC):
        raise no_weights(path)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
        if sum(entry.file_size for entry in entries) > path.stat().st_size:
            raise UserError(
                f"{path}: this file cannot be read as plain weights: it is a compressed archive; "
                "save it again with torch.save."
            )


def no_weights(path: Path) -> UserError:
    """What is said of a file that holds no weights that can be read."""
    return UserError(
        f"{path}: this file cannot be read as plain weights, and pickled code is not executed: "
        "it is damaged, or holds something else."
    )
