"""Sizes of images: the side of a square, or width and height, written `64` or `96x64`."""

import re
from typing import Annotated, Literal, NamedTuple

from reverie.core.options import AtLeast, AtMost, Form, InvalidValue, coerce

Side = Annotated[int, AtLeast(1), AtMost(2**16)]
"""Width or height in pixels."""

WRITTEN = re.compile("([0-9]{1,9})(?:[x×]([0-9]{1,9}))?")
WANTED = "a side in pixels, or WIDTHxHEIGHT as 96x64"


class Size(NamedTuple):
    """Width and height of an image in pixels."""

    width: int
    height: int

    @classmethod
    def of(cls, value: object) -> "Size":
        """The size that is given as an `ImageSize`.

        Raises:
            InvalidValue: if it is none, or a side is out of bounds.
        """
        if isinstance(value, str):
            written = WRITTEN.fullmatch(value)
            sides = [int(side) for side in written.groups() if side] if written else []
        else:
            sides = list(value) if isinstance(value, tuple | list) else [value]
        if len(sides) not in (1, 2):
            raise InvalidValue(WANTED, value)
        try:
            whole = [coerce(int, side) for side in sides]
        except InvalidValue:
            raise InvalidValue(WANTED, value) from None
        return cls(coerce(Side, whole[0]), coerce(Side, whole[-1]))

    def __str__(self) -> str:
        return f"{self.width}×{self.height}"

    @property
    def option(self) -> int | str:
        """As options and their files have it: the side of a square, or `96x64`."""
        return self.width if self.width == self.height else f"{self.width}x{self.height}"

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width, in the order of tensors."""
        return self.height, self.width

    def times(self, factor: float) -> "Size":
        """Both sides multiplied and rounded."""
        return Size(round(self.width * factor), round(self.height * factor))


class SizeForm(Form):
    """The mark of options that hold a size."""

    words = "SIDE or WIDTHxHEIGHT"

    def parse(self, value: object) -> int | str:
        """A square as its side, a rectangle as `96x64`."""
        return Size.of(value).option


ImageSize = Annotated[int | str | tuple[int, int], SizeForm()]
"""A size as people give it: 64, "96x64", (96, 64) or a `Size`. Stored as 64 or "96x64"."""

Resize = Literal["crop", "squash", "pad", "width", "none"]
"""How an image gets another shape."""
