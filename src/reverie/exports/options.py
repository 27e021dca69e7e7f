"""Options of a model for somebody else: packed into a file, or on the hub."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from reverie.core.errors import UserError
from reverie.core.options import Checked, Length
from reverie.runs.place import PACKED


@dataclass(frozen=True, kw_only=True)
class CardOptions(Checked):
    """What others get with a model."""

    license: str = ""
    """Licence, by the hub's name: cc-by-4.0, apache-2.0, ..."""
    tags: Annotated[tuple[str, ...], Length(0, 100)] = ()
    """Further tags."""
    onnx: bool = False
    """ONNX files of the model as well."""


@dataclass(frozen=True, kw_only=True)
class PackOptions(CardOptions):
    """What is packed with a model."""

    overwrite: bool = False
    """Replace a file that exists."""

    def refuse_target(self, target: Path) -> None:
        """Raise a UserError if `target` is no .zip, or exists and is not to be replaced."""
        if target.suffix.lower() != PACKED:
            raise UserError(f"{target}: a packed model is a {PACKED} file.")
        if target.exists() and not (self.overwrite and target.is_file()):
            raise UserError(f"{target} exists: name another file by --out, or add --overwrite.")


@dataclass(frozen=True, kw_only=True)
class PushOptions(CardOptions):
    """How a model appears on the Hugging Face hub."""

    private: bool = False
    """Only you can see it."""
