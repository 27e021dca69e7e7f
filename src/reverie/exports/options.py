"""Options of a model for somebody else: packed into a file, or on the hub."""

from dataclasses import dataclass
from typing import Annotated

from reverie.core.options import Checked, Length


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


@dataclass(frozen=True, kw_only=True)
class PushOptions(CardOptions):
    """How a model appears on the Hugging Face hub."""

    private: bool = False
    """Only you can see it."""
