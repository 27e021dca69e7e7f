"""A model in one file, for somebody else: what the hub would get, as a zip archive."""

import io
import tempfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from reverie.core import progress
from reverie.core.errors import UserError
from reverie.core.files import path_of, readable_bytes, write_atomic
from reverie.core.options import accepts_fields
from reverie.core.progress import printable
from reverie.core.result import Result, counted
from reverie.exports.contents import write_contents
from reverie.exports.options import PackOptions
from reverie.methods.diffusion.pretrained import holds_denoiser

INCOMPRESSIBLE = (".safetensors", ".png", ".onnx")
"""Files that are stored as they are."""


@dataclass(frozen=True)
class PackResult(Result):
    """The archive, and what is in it."""

    file: Path
    files: list[str]
    size_bytes: int

    def summary(self) -> str:
        size = f"{counted(len(self.files), 'file')}, {readable_bytes(self.size_bytes)}"
        return printable(f"{self.file}: {size}; use it with reverie.load({str(self.file)!r})")


@accepts_fields(PackOptions)
def pack(
    model: str | Path, *, out: str | Path = "model.zip", options: PackOptions | None = None
) -> PackResult:
    """Pack a model into one file that `load` and every command take in place of a run.

    Weights, configuration, and a card with images and figures; nothing of its training.

    Args:
        model: a run, a model folder, or a model of the package.
        out: the file, a .zip.
        options: see `PackOptions`; its fields may be given as keyword arguments.

    Raises:
        UserError: if there is no usable model, or `out` exists and is not to be overwritten.
    """
    chosen, target = options or PackOptions(), path_of(out)
    chosen.refuse_target(target)
    if path_of(model).is_dir() and holds_denoiser(path_of(model)):
        raise UserError(
            f"{model} is a folder of the library diffusers, which others can use as it is: send "
            "the folder."
        )
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "model"
        files = write_contents(model, folder, target.name, chosen)
        write_atomic(target, _archive(folder, files))
        names = [file.relative_to(folder).as_posix() for file in files]
    if not chosen.license:
        progress.say("no licence is named; --license says what others may do with the model")
    return PackResult(target, names, target.stat().st_size)


def _archive(folder: Path, files: Iterable[Path]) -> bytes:
    """A zip archive of files, which depends on their names and contents alone."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for file in files:
            entry = zipfile.ZipInfo(file.relative_to(folder).as_posix())
            stored = file.suffix in INCOMPRESSIBLE
            entry.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, file.read_bytes())
    return buffer.getvalue()
