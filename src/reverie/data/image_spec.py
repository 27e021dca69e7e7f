"""What the images of a model are like."""

from dataclasses import dataclass
from typing import Annotated

from reverie.core.errors import UserError
from reverie.core.image_size import ImageSize, Size
from reverie.core.options import Checked, Fraction, Length


@dataclass(frozen=True)
class ImageSpec(Checked):
    """Channels, size and classes of a model's images; stored with the model."""

    channels: int
    image_size: ImageSize
    class_names: Annotated[tuple[str, ...], Length(0, 2**16)] = ()
    spread: Fraction = 0.5
    """Standard deviation of the pixels, in [-1, 1]: the σ_data of diffusion."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.channels not in (1, 3):
            raise UserError(f"images have 1 channel or 3, not {self.channels}.")

    @property
    def size(self) -> Size:
        """Width and height in pixels."""
        return Size.of(self.image_size)

    @property
    def width(self) -> int:
        return self.size.width

    @property
    def height(self) -> int:
        return self.size.height

    @property
    def classes(self) -> int:
        return len(self.class_names)
